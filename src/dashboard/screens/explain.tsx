/** A name typed, and its walk: what failed first, then zone by zone what was asked, decided and verified. */
import { useSignal } from '@preact/signals'
import type { TargetedEvent, VNode } from 'preact'
import { useEffect } from 'preact/hooks'
import { ask, troubleText } from '../api.ts'
import { counted, durationText } from '../model/format.ts'
import type { Report } from '../model/report.ts'
import { type Link, trustChain } from '../model/trust-chain.ts'
import { layoutWalk, type Walk } from '../model/walk.ts'
import { walkSvg } from '../model/walk-svg.ts'
import { lazy } from '../parts/lazy.tsx'
import { shown } from '../parts/kept.ts'
import { Empty, Panel, securityMood, Tag, Trouble } from '../parts/small.tsx'
import { go, link, route } from '../route.ts'
import { Failing } from './failing.tsx'
import { WalkPicture } from './walk-picture.tsx'

type State =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'asking'; readonly text: string }
  | { readonly kind: 'trouble'; readonly text: string }
  | { readonly kind: 'done'; readonly report: Report }

const DEADLINE_MS = 20_000
const Budget = lazy(async () => (await import('./budget.tsx')).Budget)
const Compare = lazy(async () => (await import('./compare.tsx')).Compare)

export function ExplainScreen(): VNode {
  const { name = '', type = 'A', root = '', cd = '', at = '' } = route.value.fields
  const state = useSignal<State>({ kind: 'nothing' })
  useEffect(() => {
    if (name === '') {
      state.value = { kind: 'nothing' }
      return undefined
    }
    let isOver = false
    state.value = { kind: 'asking', text: `${name} ${type}` }
    const body = { name, type, fromRoot: root === '1', checkingDisabled: cd === '1', deadlineMs: DEADLINE_MS }
    void ask<Report>('explain', { method: 'POST', body }).then(answer => {
      if (isOver) return
      state.value =
        answer.kind === 'ok' ? { kind: 'done', report: answer.value } : { kind: 'trouble', text: troubleText(answer) }
      const how = root === '1' ? 'from the root' : cd === '1' ? 'without validation' : 'with what is cached'
      shown.value = answer.kind === 'ok' ? { report: answer.value, how } : null
    })
    return () => {
      isOver = true
    }
  }, [name, type, root, cd, at, state])
  const { value } = state
  return (
    <>
      <h1 class="sr">Explain</h1>
      <QuestionForm />
      <div class="said" aria-live="polite">
        {value.kind === 'asking' ? <p class="dim asking">Resolving {value.text} …</p> : null}
        {value.kind === 'trouble' ? <Trouble text={value.text} /> : null}
      </div>
      {value.kind === 'nothing' ? (
        <>
          <Empty>Type a name. Its walk from the root down appears here, or why there is none.</Empty>
          <Failing />
        </>
      ) : null}
      {value.kind === 'done' ? <Explanation report={value.report} /> : null}
    </>
  )
}

const TYPES = ['A', 'AAAA', 'HTTPS', 'MX', 'TXT', 'NS', 'SOA', 'CNAME', 'PTR', 'SRV', 'DS', 'DNSKEY', 'TLSA', 'CAA']

function QuestionForm(): VNode {
  const { fields } = route.value
  const name = useSignal('')
  const type = useSignal('A')
  const fromRoot = useSignal(false)
  const unchecked = useSignal(false)
  useEffect(() => {
    name.value = fields.name ?? ''
    type.value = fields.type ?? 'A'
    fromRoot.value = fields.root === '1'
    unchecked.value = fields.cd === '1'
  }, [fields, name, type, fromRoot, unchecked])
  const submit = (event: TargetedEvent<HTMLFormElement>): void => {
    event.preventDefault()
    const [root, cd] = [fromRoot.value ? '1' : '', unchecked.value ? '1' : '']
    // The time makes the same question another address: it is asked again.
    const again = fields.name === name.value && fields.type === type.value ? String(Date.now()) : ''
    go(link('explain', { name: name.value.trim(), type: type.value.trim().toUpperCase(), root, cd, at: again }))
  }
  return (
    <form class="filter question" onSubmit={submit}>
      <input
        aria-label="Name"
        class="mono"
        placeholder="www.example.com"
        autocomplete="off"
        spellcheck={false}
        required
        value={name}
        onInput={event => {
          name.value = event.currentTarget.value
        }}
      />
      <input
        aria-label="Type"
        class="mono type"
        list="types"
        required
        value={type}
        onInput={event => {
          type.value = event.currentTarget.value
        }}
      />
      <datalist id="types">
        {TYPES.map(one => (
          <option key={one} value={one} />
        ))}
      </datalist>
      <button type="submit" class="primary">
        Explain
      </button>
      <Check label="from the root, with an empty cache" value={fromRoot} />
      <Check label="whatever its signatures say" value={unchecked} />
    </form>
  )
}

const Check = ({ label, value }: { readonly label: string; readonly value: { value: boolean } }): VNode => (
  <label class="check">
    <input
      type="checkbox"
      checked={value.value}
      onChange={event => {
        value.value = event.currentTarget.checked
      }}
    />
    {label}
  </label>
)

function Explanation({ report }: { readonly report: Report }): VNode {
  const walk = layoutWalk(report)
  const chain = trustChain(report)
  return (
    <>
      {report.rootCause === null ? null : <Cause cause={report.rootCause} />}
      <Banner report={report} walk={walk} />
      <WalkPicture walk={walk} />
      <Chain links={chain} security={report.security} />
      {report.records.length === 0 ? null : <Records report={report} />}
      <Budget />
      <Compare />
    </>
  )
}

function Cause({ cause }: { readonly cause: NonNullable<Report['rootCause']> }): VNode {
  const name = cause.zone ?? cause.question?.split(' ')[0] ?? null
  return (
    <section class="panel cause" aria-label="Root cause">
      <div class="head">
        <h2>
          <Tag mood="bad">{cause.kind}</Tag> {cause.text}
        </h2>
      </div>
      {cause.servers.length === 0 ? null : (
        <table>
          <tbody>
            {cause.servers.map(({ server, did, asked }) => (
              <tr key={server}>
                <td class="mono w">{server}</td>
                <td class="w">{did}</td>
                <td class="n dim">{counted(asked, 'query', 'queries')}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <p class="dim">
        {CURES[cause.kind] ?? ''}{' '}
        {name === null ? null : <a href={link('cache', { name })}>What is cached of {name}</a>}
      </p>
    </section>
  )
}

/** What would help, and who can do it. */
const CURES: Readonly<Record<string, string>> = {
  bogus:
    'Only the owner of the zone can sign it again. Until then it can be left out of validation for a while: see Trust.',
  unreachable: 'The servers of the zone do not answer from here: its owner, or the network in between, has to mend it.',
  'all-servers-lame': 'The parent names servers that do not serve the zone: its owner has to mend one or the other.',
  'refused-by-servers': 'Its servers answer with an error: its owner has to look at them.',
  'upstreams-unreachable': 'The servers that queries are forwarded to do not answer: see the forward zones.',
  cached: 'It failed before and is remembered for a few seconds; from the root shows why.',
  'alias-chain': 'The owner of the aliases has to end the chain.',
  budget: 'One question may cost only so much work; what it ran into is above.',
  overload: 'This resolver has too much to do; the same question later will do.',
}

function Banner({ report, walk }: { readonly report: Report; readonly walk: Walk }): VNode {
  const { question, status, security, records, tookMs, startedAt } = report
  const [name = '', type = ''] = question.split(' ')
  const file = `${name.replaceAll(/[^\w.-]/g, '_')}${type}`
  const last = records.filter(record => record.type === type)
  const first = last[0]
  const more = last.length > 1 ? ` and ${last.length - 1} more` : ''
  return (
    <section class="panel banner">
      <span class="answer">{first === undefined ? status : `${first.data}${more}`}</span>
      <Tag mood={securityMood(security)}>{security}</Tag>
      {first === undefined ? null : <span>{status}</span>}
      <span class="figures">
        {durationText(tookMs)} · {counted(walk.messages, 'message')} to {counted(walk.servers, 'server')} ·{' '}
        {counted(walk.zones, 'zone')} · {counted(walk.signatures, 'signature')} · look-ups {walk.depth} deep
      </span>
      {first === undefined ? null : <span class="dim">TTL {first.ttl}</span>}
      <span class="grow" />
      <span class="links">
        <Download name={`${file}.svg`} type="image/svg+xml" text={() => walkSvg(report)} label="SVG" />
        <Download
          name={`${file}.json`}
          type="application/json"
          text={() => JSON.stringify(report, null, 2)}
          label="JSON"
        />
        <CopyLink />
      </span>
      <span class="sr">
        {question}, asked {startedAt}
      </span>
    </section>
  )
}

interface DownloadProps {
  readonly name: string
  readonly type: string
  readonly text: () => string
  readonly label: string
}

function Download({ name, type, text, label }: DownloadProps): VNode {
  const save = (): void => {
    const address = URL.createObjectURL(new Blob([text()], { type }))
    const anchor = document.createElement('a')
    anchor.href = address
    anchor.download = name
    anchor.click()
    URL.revokeObjectURL(address)
  }
  return (
    <button type="button" class="quiet" onClick={save}>
      <span class="sr">Download as </span>
      {label}
    </button>
  )
}

function CopyLink(): VNode {
  const isCopied = useSignal(false)
  const copy = async (): Promise<void> => {
    const { name, type, root, cd } = route.value.fields
    const address = new URL(link('explain', { name, type, root, cd }), location.href)
    try {
      await navigator.clipboard.writeText(address.href)
      isCopied.value = true
    } catch {
      // Without a clipboard the address bar has the same.
      location.replace(address.hash)
    }
  }
  return (
    <button type="button" class="quiet" onClick={() => void copy()}>
      {isCopied.value ? 'copied' : 'link'}
    </button>
  )
}

const MARKS = { closed: '✓', open: '○', broken: '✗' } as const

function Chain({ links, security }: { readonly links: readonly Link[]; readonly security: string }): VNode {
  return (
    <Panel title="Chain of trust" aside={<Tag mood={securityMood(security)}>{security}</Tag>}>
      {links.length === 0 ? (
        <Empty>
          Nothing was verified this time: what is cached was verified when it came. From the root shows it all.
        </Empty>
      ) : (
        <ol class="chain">
          {links.map(({ label, detail, state }) => (
            <li key={label} class={`link link-${state}`}>
              <span class="mono">
                <span aria-hidden="true">{MARKS[state]} </span>
                {label}
              </span>
              <span class="dim">{detail}</span>
            </li>
          ))}
        </ol>
      )}
    </Panel>
  )
}

const Records = ({ report }: { readonly report: Report }): VNode => (
  <Panel title="Records">
    <table>
      <tbody>
        {report.records.map(({ name, type, ttl, data }) => (
          <tr key={`${name} ${type} ${data}`} data-name={name} data-type={type}>
            <td class="mono w">
              <a href={link('cache', { name })}>{name}</a>
            </td>
            <td class="n">{ttl}</td>
            <td>{type}</td>
            <td class="mono w">{data}</td>
          </tr>
        ))}
      </tbody>
    </table>
  </Panel>
)
