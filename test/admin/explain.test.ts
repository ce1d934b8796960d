/** Explanations through the API and from files: their form, their pictures, and hostile names in them. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { explanation } from '../../src/admin/forms/explanation.ts'
import { runExplainSaved } from '../../src/cli/explain.ts'
import { reportMermaid, reportSvg } from '../../src/render/explain-picture.ts'
import { readReport } from '../../src/render/explain-report.ts'
import { type Served, startServed } from './served.ts'

let served: Served
beforeAll(async () => {
  served = await startServed()
})
afterAll(() => served.stop())

const explain = (body: object, query = '', headers: Record<string, string> = {}) =>
  served.ask(`/api/v1/explain${query}`, { method: 'POST', body, headers })

describe('an explanation has the form of its schema, and a failure exactly one cause', () => {
  it.each([
    ['an answer', { name: 'www.shop' }, 'NOERROR'],
    ['an alias', { name: 'alias.shop' }, 'NOERROR'],
    ['a name that there is not', { name: 'nothing.shop' }, 'NXDOMAIN'],
    ['one from the cache', { name: 'www.shop' }, 'NOERROR'],
    ['a special name', { name: 'localhost' }, 'NOERROR'],
    ['a zone whose server is silent', { name: 'www.slow', deadlineMs: 30_000 }, 'SERVFAIL'],
  ])('%s', async (_what, body, status) => {
    const reply = await explain(body, '', { 'x-request-id': 'why-7' })
    expect(reply.status).toBe(200)
    const report = explanation.parse(reply.body)
    expect(report).toMatchObject({ version: 1, status, requestId: 'why-7' })
    if (status === 'SERVFAIL') expect(reply.body.rootCause).toMatchObject({ zone: 'slow.', kind: 'unreachable' })
    else expect(reply.body.rootCause).toBeNull()
  })
})

it('is drawn as Mermaid and as SVG, by its parameter or by Accept', async () => {
  const mermaid = await explain({ name: 'www.shop' }, '?format=mermaid')
  expect(mermaid.headers['content-type']).toBe('text/vnd.mermaid')
  expect(mermaid.text).toMatch(/^sequenceDiagram\n {2}participant client\n {2}participant resolver\n/)
  const svg = await explain({ name: 'www.shop' }, '', { accept: 'image/svg+xml, */*' })
  expect(svg.headers['content-type']).toBe('image/svg+xml')
  expect(svg.text).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" role="img"/)
  expect((await explain({ name: 'www.shop' }, '?format=png')).status).toBe(400)
})

const HOSTILE = {
  version: 1,
  question: '<img src=x onerror=alert(1)>.example. A',
  status: 'SERVFAIL',
  security: 'indeterminate',
  tookMs: 5,
  rootCause: { kind: 'bogus', text: '</title><script>alert(1)</script>\u0007', zone: '"&.' },
  steps: [
    {
      ...{ kind: 'exchange', id: 1, depth: 0, atMs: 1, tookMs: 3, server: '192.0.2.1', serverName: 'a;b#c:\nend.' },
      ...{ question: '%%{init}%% A', transport: 'udp', came: 'reply', rcode: 'NOERROR', decided: 'x' },
    },
    { kind: 'made-up', id: 2, depth: 1e9 },
  ],
}

it('names that mean something to a picture mean nothing in it', () => {
  const report = readReport(JSON.stringify(HOSTILE))
  if ('error' in report) throw new Error(report.error)
  const svg = reportSvg(report)
  expect(svg).not.toMatch(/<(?!\/?(?:svg|title|rect|text)\b)/)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is what is looked at
  expect(svg).not.toMatch(/[\u0000-\u0008]/)
  const lines = reportMermaid(report).split('\n')
  expect(lines.filter(line => /%%|<|"/.test(line))).toEqual([])
  expect(lines).toContain('  participant s1 as a#59;b#35;c#58;#10;end. 192.0.2.1')
})

describe('a saved one', () => {
  const path = join(mkdtempSync(join(tmpdir(), 'rootwalk-explain-')), 'saved.json')
  const run = (text: string, format: 'text' | 'json' | 'mermaid' | 'svg') => {
    const said = { out: '', err: '' }
    writeFileSync(path, text)
    const code = runExplainSaved(path, format, {
      out: out => {
        said.out += out
      },
      err: err => {
        said.err += err
      },
    })
    return { code, ...said }
  }

  it('is read again in every form, with its cause first', async () => {
    const { text } = await explain({ name: 'www.slow', deadlineMs: 30_000 })
    expect(run(text, 'text').out).toMatch(/^SERVFAIL: .*slow\..*\nwww\.slow\. A: SERVFAIL/)
    expect(JSON.parse(run(text, 'json').out)).toEqual(JSON.parse(text))
    expect(run(text, 'mermaid').out).toContain('sequenceDiagram')
    expect(run(text, 'svg').out).toContain('</svg>')
  })

  it.each([
    ['of no JSON', '{', 'is no JSON'],
    ['of another form', '{"version": 1}', 'is no explanation'],
    ['of a later version', '{"version": 2, "question": "a. A", "steps": []}', 'has version 2'],
  ])('%s is refused with its reason', (_what, text, why) => {
    const { code, err } = run(text, 'text')
    expect(code).toBe(65)
    expect(err).toContain(why)
  })
})
