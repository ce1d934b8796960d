/**
 * What `examples/` and `docs/testing.md` show, run as a user would: each in its own language, where that is on this
 * machine.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { whereIs } from '../daemons.mjs'
import { needs } from '../tools.ts'
import { root } from './command.ts'
import { makeProject, vitestRun, type Project } from './user-project.ts'

interface Block {
  readonly language: string
  readonly heading: string
  readonly text: string
}

const document = readFileSync(join(root, 'docs/testing.md'), 'utf8')
const blocks: readonly Block[] = [...document.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(match => ({
  language: match[1] ?? '',
  heading: [...document.slice(0, match.index).matchAll(/^#+ (.*)$/gm)].at(-1)?.[1] ?? '',
  text: match[2] ?? '',
}))
const block = (language: string, heading: RegExp): Block => {
  const found = blocks.find(one => one.language === language && heading.test(one.heading))
  if (found === undefined) throw new Error(`docs/testing.md has no block of ${language} under ${heading}`)
  return found
}

let project: Project
beforeAll(() => {
  project = makeProject()
  project.copy('examples')
})
afterAll(() => project?.remove())

const output = ({ out, err }: { out: string; err: string }): string => `${out}\n${err}`

describe('TypeScript and JavaScript', () => {
  test.concurrent('all blocks of the document and the vitest example pass', async () => {
    const tests = blocks.filter(({ language }) => language === 'ts')
    expect(tests.length).toBeGreaterThan(10)
    for (const [index, { text }] of tests.entries())
      project.write(`docs/${String(index).padStart(2, '0')}.test.ts`, text)
    const [program, ...args] = vitestRun
    const ran = await project.run(
      program,
      ...args,
      '--reporter=default',
      '--reporter=json',
      '--outputFile=vitest.json',
      '--pool=threads',
      '--no-isolate',
      'docs/',
      'examples/vitest/',
    )
    expect(ran.code, output(ran)).toBe(0)
    const report: { numPassedTests: number; numTotalTestSuites: number; testResults: unknown[] } = JSON.parse(
      readFileSync(join(project.directory, 'vitest.json'), 'utf8'),
    )
    expect(report.testResults).toHaveLength(tests.length + 1)
    expect(report.numPassedTests).toBeGreaterThanOrEqual(tests.length + 4)
  })

  test.concurrent('node:test: the block of the document and the example pass', async () => {
    const file = project.write('node/node.test.mjs', block('js', /node:test/).text)
    const ran = await project.run(
      process.execPath,
      '--test',
      file,
      join(project.directory, 'examples/node-test/mail.test.mjs'),
    )
    expect(ran.code, output(ran)).toBe(0)
    expect(ran.out).toMatch(/^(?:#|ℹ) pass 5$/m)
  })
})

needs('python3')('Python', () => {
  test.concurrent('the example passes', async () => {
    const ran = await project.run('python3', 'examples/python/test_failover.py')
    expect(ran.code, output(ran)).toBe(0)
    expect(ran.err).toMatch(/Ran 7 tests[\s\S]*OK/)
  })

  test.concurrent('the block of the document', async () => {
    const ran = await project.run('python3', project.write('docs/control.py', block('python', /Python/).text))
    expect(ran).toMatchObject({ code: 0, out: "['192.0.2.1'] []\n", err: '' })
  })
})

needs(
  'unshare',
  'ip',
  'curl',
  'mkfifo',
)('a shell', () => {
  test.concurrent('the example passes', async () => {
    const ran = await project.run('sh', 'examples/shell/test.sh')
    expect(ran.code, output(ran)).toBe(0)
    expect(ran.out).toMatch(/www\.shop\.test says healthy as www\.shop\.test\n[\s\S]*# all is well\n$/)
  })

  test.concurrent('curl: the block of the document, in a network where its ports are free', async () => {
    const ran = await project.run(
      'rootwalk',
      'exec',
      '--',
      'sh',
      '-e',
      project.write('docs/control.sh', block('sh', /curl/).text),
    )
    expect(ran, output(ran)).toMatchObject({ code: 0, err: '' })
    expect(ran.out).toContain('"kind": "timeout"')
  })

  test.concurrent('exec: the block of the document', async () => {
    const ran = await project.run('sh', '-e', project.write('docs/exec.sh', block('sh', /rootwalk exec/).text))
    expect(ran, output(ran)).toMatchObject({ code: 0, err: '' })
    expect(ran.out).toMatch(/^127\.0\.0\.1 +STREAM[\s\S]*"name":"www\.shop\.test","type":"A"/)
  })
})

describe.skipIf(whereIs('java') === null)('Java', () => {
  test.concurrent('the block of the document', async () => {
    const ran = await project.run(
      'java',
      '-XX:TieredStopAtLevel=1',
      project.write('docs/StubTest.java', block('java', /Java/).text),
    )
    expect(ran).toMatchObject({ code: 0, out: 'A: 192.0.2.1\ntrue\n', err: '' })
  })
})

describe.skipIf(whereIs('go') === null)('Go', () => {
  test.concurrent('the block of the document', async () => {
    const ran = await project.run('go', 'run', project.write('docs/control/main.go', block('go', /Go/).text))
    expect(ran).toMatchObject({ code: 0, out: '[192.0.2.1] <nil>\n' })
  })
})

describe('the document', () => {
  test('every block with a language is run by a test above', () => {
    expect([...new Set(blocks.map(({ language }) => language))].sort()).toEqual([
      '',
      'go',
      'java',
      'js',
      'python',
      'sh',
      'ts',
    ])
    expect(blocks.filter(({ language }) => language === 'sh')).toHaveLength(2)
    // The one for jest is run in test/testing/commonjs.test.ts.
    expect(blocks.filter(({ language }) => language === 'js')).toHaveLength(2)
    for (const language of ['python', 'java', 'go'])
      expect(
        blocks.filter(one => one.language === language),
        language,
      ).toHaveLength(1)
  })

  test('what it links to is there', () => {
    const links = [...document.matchAll(/\]\(([^)\s]+)\)/g)]
      .map(match => match[1] ?? '')
      .filter(link => !link.startsWith('http'))
    const anchors = [...document.matchAll(/^#+ (.*)$/gm)].map(
      match =>
        `#${(match[1] ?? '')
          .toLowerCase()
          .replace(/[^\w\s-]/g, '')
          .replace(/\s/g, '-')}`,
    )
    expect(
      links.filter(link => (link.startsWith('#') ? !anchors.includes(link) : !existsSync(join(root, 'docs', link)))),
    ).toEqual([])
  })

  test('the examples are all there', () => {
    expect(readdirSync(join(root, 'examples')).sort()).toEqual(['README.md', 'node-test', 'python', 'shell', 'vitest'])
  })
})
