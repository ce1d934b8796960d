import { describe, expect, test } from 'vitest'
import { readServeWords } from '../../src/cli/serve-args.ts'

const read = (words: string): ReturnType<typeof readServeWords> => readServeWords(words === '' ? [] : words.split(' '))
const flag = (name: string, path: readonly string[], value: string | readonly string[]): object => ({
  label: `--${name}`,
  path,
  value,
})

describe('what is plainly right', () => {
  test.each([
    ['', undefined, []],
    ['--config a.json', 'a.json', []],
    ['-c a.json', 'a.json', []],
    ['--config=a.json', 'a.json', []],
    // The last one counts.
    ['-c a.json --config b.json', 'b.json', []],
    ['--listen 127.0.0.1:0', undefined, [flag('listen', ['listen'], ['127.0.0.1:0'])]],
    [
      '--listen [::1]:53,127.0.0.1:53 --listen=10.0.0.1:53',
      undefined,
      [flag('listen', ['listen'], ['[::1]:53', '127.0.0.1:53', '10.0.0.1:53'])],
    ],
    [
      '--upstream-port 5300 --config a.json --upstream-port 5301',
      'a.json',
      [flag('upstream-port', ['upstream', 'port'], '5301')],
    ],
    [
      '--lists ads.txt --lists=https://lists.example/hosts',
      undefined,
      [flag('lists', ['lists'], ['ads.txt', 'https://lists.example/hosts'])],
    ],
    [
      '--cache-bytes=1 --log-level silent',
      undefined,
      [flag('cache-bytes', ['cache', 'bytes'], '1'), flag('log-level', ['log', 'level'], 'silent')],
    ],
  ] as const)('%s', (words, file, flags) => {
    const result = read(words)
    expect(result?.file).toBe(file)
    expect(result?.flags).toHaveLength(flags.length)
    expect(result?.flags).toEqual(expect.arrayContaining([...flags]))
  })
})

describe('everything else is left to the parser that can explain', () => {
  test.each([
    '--help',
    '-h',
    '--version',
    'extra',
    '--config',
    '-c',
    '--config=',
    '--listen',
    '--listen --config a.json',
    '-c --listen',
    '--upstream-prot 5',
    '--upstream.port 5',
    '--no-config',
    '--no-upstream-mix-case',
    '--zones a.zone b.zone',
    '-- a',
    '--config a.json extra',
    '--config "a.json"',
    "--log-level 'info'",
    '--records x',
    '-x',
  ])('%s', words => {
    expect(read(words)).toBeNull()
  })

  test('an empty word is left to the parser that can explain it', () => {
    expect(readServeWords(['--config', ''])).toBeNull()
    expect(readServeWords(['--listen', ''])).toBeNull()
  })
})
