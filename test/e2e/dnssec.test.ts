/**
 * The same questions to rootwalk and to Unbound, both validating from the same anchors, on zones that other tools
 * signed and NSD serves: status, AD, data and the presence of signatures and proofs must be equal. Where Unbound is
 * wrong the reason stands here; nothing else is let through. BIND's `delv` is a third opinion: it validates by itself
 * what rootwalk hands it.
 */
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { RrType, typeName } from '../../src/dns/types.ts'
import { startUnbound, temporaryDirectory, type Daemon } from '../daemons.mjs'
import { needs, unless } from '../tools.ts'
import type { Endpoint } from './dig.ts'
import { askAll, type Said } from './dnssec-client.ts'
import { startSignedInternet, whyNoSignedInternet, type SignedInternet } from './dnssec-internet.ts'
import { questionsFor, shuffled, type Question } from './dnssec-questions.ts'
import { inParallel } from './dnssec-sign.ts'
import { allZones, Server } from './dnssec-zones.ts'
import { freePort, startRootwalk, type Rootwalk } from './rootwalk.ts'
import { CONDITION_MS, LONG_TEST_MS } from '../patience.mjs'

const LONG = process.env.ROOTWALK_LONG !== undefined
const SEEDS = LONG ? [1, 2, 3] : [1]
/** Of 28,000. */
const QUESTIONS = LONG ? Number.POSITIVE_INFINITY : 2_500
const AGGRESSIVE_QUESTIONS = LONG ? Number.POSITIVE_INFINITY : 1_000
const THIRD_OPINIONS = LONG ? 400 : 40
const ADDRESS = '127.0.0.1'

/** Why an answer may differ from that of Unbound 1.17. */
const EXPLAINED: readonly { readonly why: string; readonly of: (question: Question) => boolean }[] = [
  {
    why: 'RFC 4509 section 3: a SHA-1 digest does not count beside a SHA-256 digest. Unbound takes any unless told to harden-algo-downgrade.',
    of: ({ zone }) => zone.origin === 'ds1right2wrong.alpha.',
  },
  {
    why: 'RFC 6672 section 5.3.1: the CNAME that a DNAME makes needs no signature. Asked for it by type Unbound seeks its own zone cut, and says SERVFAIL or denies it.',
    of: ({ name, type }) => type === RrType.CNAME && name.startsWith('www.dn.'),
  },
  {
    why: 'RFC 4035 section 3.2.2: with CD the data comes whatever validation says. Unbound asks no more servers of a zone whose NS set is bogus.',
    of: ({ zone, checkingDisabled }) => checkingDisabled && zone.otherKeys === 'hidden',
  },
]

const reason = await whyNoSignedInternet()
const suite = reason === null ? needs('unbound', 'delv') : unless(reason)

suite('validation beside Unbound', () => {
  const running: { internet?: SignedInternet; started: (Rootwalk | Daemon)[] } = { started: [] }
  const keys = temporaryDirectory('anchors')

  const internet = (): SignedInternet => {
    if (running.internet === undefined) throw new Error('not started')
    return running.internet
  }

  const startOurs = async (aggressiveUse: boolean): Promise<Endpoint> => {
    const { hints, anchors } = internet()
    const ours = await startRootwalk({
      hints,
      config: { dnssec: { trustAnchors: 'anchors', aggressiveUse } },
      files: { anchors },
    })
    running.started.push(ours)
    return ours.endpoint
  }

  const startTheirs = async (aggressive: boolean): Promise<Endpoint> => {
    const port = await freePort()
    const file = join(keys.path, 'anchors')
    writeFileSync(file, internet().anchors)
    const more = [
      'module-config: "validator iterator"',
      `trust-anchor-file: "${file}"`,
      'qname-minimisation: yes',
      `aggressive-nsec: ${aggressive ? 'yes' : 'no'}`,
      // The limit of RFC 9276 that rootwalk has by default, for keys of every size.
      'val-nsec3-keysize-iterations: "1024 50 2048 50 4096 50"',
      'trust-anchor-signaling: no',
      'ede: yes',
      // Nothing here is further away than the loopback.
      'infra-cache-max-rtt: 400',
      'infra-cache-min-rtt: 50',
      'unknown-server-time-limit: 100',
    ]
    running.started.push(await startUnbound({ address: ADDRESS, port, hints: internet().hints, more }))
    return { address: ADDRESS, port }
  }

  beforeAll(async () => {
    running.internet = await startSignedInternet(allZones)
  }, LONG_TEST_MS)

  afterAll(async () => {
    await Promise.all(running.started.map(one => one.stop()))
    await running.internet?.stop()
    keys.remove()
  })

  const compare = async (aggressive: boolean, questions: readonly Question[]): Promise<string[]> => {
    const ends = await Promise.all([startOurs(aggressive), startTheirs(aggressive)])
    const [ours = [], theirs = []] = await Promise.all(ends.map(end => askAll(end, questions)))
    // RFC 8914: no failure without its reason.
    expect(ours.filter(({ rcode, errors }) => rcode === 'SERVFAIL' && errors.length === 0)).toEqual([])
    return differences(questions, ours, theirs)
  }

  for (const seed of SEEDS) {
    it(
      `gives the same status, AD, data, signatures and proofs (seed ${seed})`,
      async () => {
        const questions = questionsFor(allZones, seed).slice(0, QUESTIONS)
        expect(questions.length).toBeGreaterThan(2_000)
        expect(new Set(questions.map(({ zone }) => zone.origin)).size).toBe(allZones.length)
        expect(await compare(false, questions)).toEqual([])
      },
      LONG_TEST_MS,
    )
  }

  it(
    'gives the same when both deny from what they have (RFC 8198)',
    async () => {
      expect(await compare(true, questionsFor(allZones, 4).slice(0, AGGRESSIVE_QUESTIONS))).toEqual([])
    },
    LONG_TEST_MS,
  )

  it(
    'hands delv what it needs to come to the same',
    async () => {
      const end = await startOurs(true)
      const [root = ''] = internet().anchors.split('\n')
      const [tag, algorithm, type, ...digest] = root.split(/\s+/).slice(3)
      const file = join(keys.path, 'delv')
      writeFileSync(file, `trust-anchors { . static-ds ${tag} ${algorithm} ${type} "${digest.join('')}"; };\n`)
      // delv says "validated" of what opt-out leaves open, of 150 iterations, and of the last link of a chain that is not
      // secure as a whole.
      const honest = allZones.filter(
        ({ tamper, standing, server, signing, origin }) =>
          tamper === undefined &&
          standing !== 'bogus' &&
          server !== Server.TLD &&
          signing?.nsec3?.optOut !== true &&
          (signing?.nsec3?.iterations ?? 0) <= 50 &&
          !origin.endsWith('island.plain.'),
      )
      const asked = shuffled(questionsFor(honest, 5), 6).filter(
        ({ dnssecOk, wantsAd, checkingDisabled, name }) =>
          dnssecOk &&
          !wantsAd &&
          !checkingDisabled &&
          !/^(far|lost|www\.(lost|dn)|some\.(wcfar|w\.dn)|up\.)/.test(name),
      )
      const said = await inParallel(
        asked.slice(0, THIRD_OPINIONS),
        async question => {
          const [ours] = await askAll(end, [question])
          const theirs = await delv(end, file, question)
          return {
            ask: questionText(question),
            ours: ours?.rcode === 'SERVFAIL' ? 'failed' : ours?.ad === true ? 'validated' : 'unsigned',
            theirs,
          }
        },
        4,
      )
      expect(said.filter(({ ours, theirs }) => ours !== theirs)).toEqual([])
      expect(new Set(said.map(({ theirs }) => theirs))).toEqual(new Set(['validated', 'unsigned']))
    },
    LONG_TEST_MS,
  )
})

function differences(questions: readonly Question[], ours: readonly Said[], theirs: readonly Said[]): string[] {
  return questions.flatMap((question, index) => {
    const a = ours[index]
    const b = theirs[index]
    if (a === undefined || b === undefined) return [`${questionText(question)}: not asked`]
    if (JSON.stringify(comparable(question, a)) === JSON.stringify(comparable(question, b))) return []
    return EXPLAINED.some(({ of }) => of(question))
      ? []
      : [`${questionText(question)}\n  rootwalk ${textOf(a)}\n  Unbound  ${textOf(b)}`]
  })
}

function comparable(question: Question, said: Said): unknown {
  const failed = said.rcode === 'SERVFAIL'
  return {
    rcode: said.rcode,
    // RFC 6840 section 5.9 leaves AD open when the client checks for itself.
    ad: question.checkingDisabled ? null : said.ad,
    answer: failed ? null : said.answer,
    signed: failed ? null : said.signed,
    proof: failed ? null : said.authority.some(line => isProof(line, said.authority)),
    soa: failed ? null : said.authority.some(line => line.endsWith(' SOA')),
  }
}

/** Without a signature beside it an NSEC record is none. */
const isProof = (line: string, authority: readonly string[]): boolean =>
  / NSEC3?$/.test(line) && authority.includes(line.replace(/ NSEC3?$/, ' RRSIG'))

const questionText = ({ name, type, dnssecOk, wantsAd, checkingDisabled }: Question): string =>
  `${name} ${typeName(type)}${dnssecOk ? ' DO' : ''}${wantsAd ? ' AD' : ''}${checkingDisabled ? ' CD' : ''}`

const textOf = ({ rcode, ad, answer, signed, authority, errors }: Said): string =>
  `${rcode}${ad ? ' AD' : ''} | ${answer.join(', ')} | ${signed.join(', ')} | ${authority.join(', ')} | ${errors.join(', ')}`

function delv(server: Endpoint, anchors: string, { name, type }: Question): Promise<string> {
  return new Promise(resolve => {
    execFile(
      'delv',
      ['-a', anchors, `@${server.address}`, '-p', String(server.port), '-q', name, '-t', typeName(type)],
      { timeout: CONDITION_MS },
      (_, stdout, stderr) => {
        const said = `${stdout}${stderr}`
        resolve(/fully validated/.test(said) ? 'validated' : /unsigned answer/.test(said) ? 'unsigned' : said)
      },
    )
  })
}
