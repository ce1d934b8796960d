import { expect, test } from 'vitest'
import { openFilesLimit, softLimit, socketsWithin } from '../../src/system/open-files.ts'

test.each([
  ['not known', null, 4_096],
  ['few', 64, 16],
  ['as many as a shell gives', 1_024, 720],
  ['enough', 1_048_576, 4_096],
])('sockets to servers when the open files are %s', (_about, files, sockets) => {
  expect(socketsWithin(files, 4_096)).toBe(sockets)
})

test.each([
  [{ userLimits: { open_files: { soft: 256, hard: 'unlimited' } } }, 256],
  [{ userLimits: { open_files: { soft: 'unlimited', hard: 'unlimited' } } }, null],
  [{}, null],
])('the soft limit of a report like %j is %s', (report, limit) => {
  expect(softLimit(report)).toBe(limit)
})

test('the limit of this process is known, and the same from both', () => {
  const soft = softLimit(process.report.getReport())
  expect(openFilesLimit('/nowhere')).toBe(soft)
  if (process.platform === 'linux') expect(openFilesLimit()).toBe(soft)
})
