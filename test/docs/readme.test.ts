/** The README is short, and its program and its test do what they show in a project that has installed rootwalk. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { root } from '../testing/command.ts'
import { makeProject, vitestRun, type Project } from '../testing/user-project.ts'
import { blocksOf, linesOf } from './console.ts'

const document = readFileSync(join(root, 'README.md'), 'utf8')

/** The only block in a language. */
function only(language: string): string {
  const found = blocksOf(document).filter(block => block.language === language)
  expect(found, `blocks of ${language}`).toHaveLength(1)
  return found[0]?.text ?? ''
}

let project: Project
beforeAll(() => {
  project = makeProject()
})
afterAll(() => project?.remove())

test('the README opens with the two commands and has at most 150 lines', () => {
  expect(document).toMatch(/^# rootwalk\n\n```sh\nnpm run demo .*\nnpm test .*\n```/)
  expect(linesOf(document).length).toBeLessThanOrEqual(150)
})

test('the program of the README prints what its comments say', async () => {
  const text = only('js')
  const prints = [...text.matchAll(/\/\/ prints (.*)$/gm)].map(match => match[1])
  expect(prints.length).toBeGreaterThan(0)
  const ran = await project.run(process.execPath, project.write('program.mjs', text))
  expect(ran, ran.err).toMatchObject({ code: 0, out: `${prints.join('\n')}\n` })
})

test('the test of the README passes', async () => {
  project.write('readme.test.ts', only('ts'))
  const [program, ...args] = vitestRun
  const ran = await project.run(program, ...args, 'readme.test.ts')
  expect(ran.code, `${ran.out}\n${ran.err}`).toBe(0)
  expect(ran.out).toMatch(/1 passed/)
})
