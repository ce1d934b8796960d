import { describe, expect, test } from 'vitest'
import { readConfig } from '../../src/config/read.ts'
import { readServeWords } from '../../src/cli/serve-args.ts'
import { problemText } from '../../src/render/problem.ts'

const read = (settings: object, words: readonly string[] = []): ReturnType<typeof readConfig> =>
  readConfig({
    file: { path: '/etc/rootwalk/resolver.config.json', text: JSON.stringify(settings) },
    overrides: readServeWords(words)?.flags ?? [],
    directory: '/home/me',
  })

/** `name <- source`, or what is wrong. */
const shown = (result: ReturnType<typeof readConfig>): readonly string[] =>
  result.kind === 'invalid'
    ? result.problems.map(problemText)
    : result.config.lists.map(({ traits: { name }, from }) =>
        from.kind === 'inline' ? name : `${name} <- ${from.kind === 'url' ? from.url : from.path}`,
      )

describe('a list that is a file or a URL and nothing else', () => {
  test.each<[unknown[], readonly string[]]>([
    [['ads.txt'], ['ads <- /etc/rootwalk/ads.txt']],
    [['/var/lists/Big List.hosts.txt'], ['Big-List.hosts <- /var/lists/Big List.hosts.txt']],
    [['https://lists.example/x/hosts?v=2'], ['hosts <- https://lists.example/x/hosts?v=2']],
    [['https://lists.example'], ['lists <- https://lists.example/']],
    [
      ['ads.txt', 'https://a.example/ads.txt', { name: 'ads-2', source: 'b.txt' }],
      ['ads <- /etc/rootwalk/ads.txt', 'ads-3 <- https://a.example/ads.txt', 'ads-2 <- /etc/rootwalk/b.txt'],
    ],
    [['.hidden'], ['hidden <- /etc/rootwalk/.hidden']],
    [['äöü'], ['list <- /etc/rootwalk/äöü']],
    [[`${'x'.repeat(90)}.txt`], [`${'x'.repeat(56)} <- /etc/rootwalk/${'x'.repeat(90)}.txt`]],
  ])('%j is called after it', (lists, expected) => {
    expect(shown(read({ lists }))).toEqual(expected)
  })

  test('has another name than the own rules, and views name it as others', () => {
    const views = [{ name: 'kids', clients: ['192.0.2.1'], lists: ['rules-2', 'ads'] }]
    expect(shown(read({ rules: ['||a.example^'], lists: ['rules.txt', 'ads.txt'], views }))).toEqual([
      'rules',
      'rules-2 <- /etc/rootwalk/rules.txt',
      'ads <- /etc/rootwalk/ads.txt',
    ])
  })

  test.each<[unknown, RegExp]>([
    ['https://me:secret@lists.example/', /:1:11: lists\[0\]: must not have a user name or password/],
    ['ftp://lists.example/', /lists\[0\]: expected https:\/\/… or http:\/\/…, or a file/],
    [7, /lists\[0\]: expected a file, a URL, or \{"name": "ads", "source": "https:\/\/lists\.example\/ads\.txt"\}/],
    [{ name: 'x' }, /lists\[0\]\.source: is missing/],
    [{ name: 'x', source: 'y', forall: false }, /unknown key "forall" in lists\[0\] \(did you mean "forAll"\?\)/],
  ])('%j is refused with what was expected', (list, expected) => {
    expect(shown(read({ lists: [list] }))).toEqual([expect.stringMatching(expected)])
  })
})

test('--lists takes files of the working directory and URLs, again and again, in place of those of the file', () => {
  const words = ['--lists', 'ads.txt', '--lists=https://lists.example/hosts,more.txt']
  expect(shown(read({ lists: ['other.txt'] }, words))).toEqual([
    'ads <- /home/me/ads.txt',
    'hosts <- https://lists.example/hosts',
    'more <- /home/me/more.txt',
  ])
  expect(shown(read({}, ['--lists', 'ftp://x']))).toEqual([
    '--lists: lists[0]: expected https://… or http://…, or a file',
  ])
})
