/** What stands between a checkout and the registry: the guard, the list of contents, the workflows of hosted CI. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { root, run } from '../testing/command.ts'

const directory = mkdtempSync(join(tmpdir(), 'rootwalk-publish-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const textOf = (path: string): string => readFileSync(join(root, path), 'utf8')

async function guard(manifest: object, changelog: string): Promise<{ code: number | null; err: string }> {
  writeFileSync(join(directory, 'package.json'), JSON.stringify(manifest))
  writeFileSync(join(directory, 'CHANGELOG.md'), changelog)
  return run(process.execPath, [join(root, 'scripts/publish-guard.mjs'), directory])
}

describe('the guard of npm publish', () => {
  const filled = {
    version: '1.2.3',
    homepage: 'https://git.example/someone/rootwalk#readme',
    repository: { type: 'git', url: 'git+https://git.example/someone/rootwalk.git' },
    bugs: { url: 'https://git.example/someone/rootwalk/issues' },
  }
  const changelog = '# Changelog\n\n## 1.2.3 (2026-12-01)\n\n- First.\n'

  it('is what npm runs before it publishes', () => {
    const { scripts }: { scripts: Record<string, string> } = JSON.parse(textOf('package.json'))
    expect(scripts.prepublishOnly).toBe('node scripts/publish-guard.mjs')
  })

  it('refuses the placeholder of this repository, and names each place', async () => {
    const { code, err } = await guard(JSON.parse(textOf('package.json')), textOf('CHANGELOG.md'))
    expect(code).toBe(1)
    for (const key of ['repository.url', 'bugs.url', 'homepage']) expect(err).toContain(`"${key}" is `)
  })

  it('lets a filled package pass', async () =>
    expect(await guard(filled, changelog)).toMatchObject({ code: 0, err: '' }))

  it.each([
    ['without an address', { ...filled, repository: undefined }, changelog, '"repository.url" is missing'],
    ['that is private', { ...filled, private: true }, changelog, '"private" is true'],
    ['whose version the changelog has not', filled, '# Changelog\n', 'no section "## 1.2.3"'],
    ['whose version is unreleased', filled, '## 1.2.3 (unreleased)\n', 'calls 1.2.3 unreleased'],
    ['whose version has the digits of another', filled, '## 1x2x3\n', 'no section "## 1.2.3"'],
  ])('refuses a package %s', async (_what, manifest, text, said) => {
    const { code, err } = await guard(manifest, text)
    expect([code, err]).toEqual([1, expect.stringContaining(said)])
  })
})

describe('the workflows of hosted CI', () => {
  it('run the parts of .ci/run on each line of Node.js that is supported', () => {
    const text = textOf('.github/workflows/ci.yml')
    expect(text).toContain('node: [20, 22, 24]')
    expect(text).toContain("suite: ['test', 'test:system']")
    expect(text).toContain('.ci/run ${' + '{ matrix.suite }}')
    const { engines }: { engines: { node: string } } = JSON.parse(textOf('package.json'))
    for (const line of ['20', '22', '24']) expect(engines.node).toContain(line)
  })

  it('publish without a token, with provenance, what the tag says', () => {
    const text = textOf('.github/workflows/publish.yml')
    expect(text).toContain('id-token: write')
    expect(text).toContain('npm publish --provenance')
    expect(text).toContain('test "$GITHUB_REF_NAME" = "v$(')
    expect(text).not.toMatch(/NODE_AUTH_TOKEN|NPM_TOKEN|secrets\./)
  })
})
