/**
 * How each code of each operation is provoked, where it is not provoked in the same way for all of them. A row asks a
 * server for real and gives what came back; `table.test.ts` compares.
 */
import type { Asking, Reply, Served } from '../served.ts'
import { askHead, type Kit, SETS, TOKENS } from './kit.ts'

export type Answered = Pick<Reply, 'status' | 'headers' | 'text'>
type Row = (kit: Kit) => Promise<Answered>
/** By `METHOD /path`, then by code. */
export type Rows = Readonly<Record<string, Readonly<Record<number, Row>>>>

const V = '/api/v1'
const LAN = `${V}/zones/lan`
const CONFIGURATION = `${V}/configuration`
const WRONG_TAG = { 'if-match': '"another"' }

/** One request to the server where all is as it should be. */
const main =
  (method: string, path: string, asking: Asking = {}): Row =>
  ({ main: served }) =>
    served.ask(path, { method, ...asking })

const json = (body: unknown, more: Asking = {}): Asking => ({ body, ...more })

/** The zone `lan` as it was at first, whatever a row before did to it. */
async function freshZone({ main: served }: Kit): Promise<Served> {
  await served.ask(LAN, { method: 'DELETE' })
  await served.ask(`${V}/zones`, { method: 'POST', body: { name: 'lan', rrsets: SETS } })
  return served
}
const onFresh =
  (method: string, path: string, asking: Asking = {}): Row =>
  async kit =>
    (await freshZone(kit)).ask(path, { method, ...asking })

const unwritable =
  (method: string, path: string, asking: Asking = {}): Row =>
  ({ unwritable: served }) =>
    served.ask(path, { method, ...asking })

const newName = (() => {
  let number = 0
  return (): string => `n${number++}`
})()

/** A 200 with `dryRun=true`, which is the same for all that have it. */
const dry = (method: string, path: string, asking: Asking = {}): Row => onFresh(method, `${path}?dryRun=true`, asking)

const set = json({ data: ['192.0.2.9'] })
const negative = (days = 1): Asking =>
  json({ until: `${new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 19)}Z` })

const zoneChange = (method: string, path: string, good: Asking, ok: number): Readonly<Record<number, Row>> => ({
  200: ok === 200 ? onFresh(method, path, good) : dry(method, path, good),
  [ok]: onFresh(method, path, good),
  404: main(method, path.replace('/lan', '/absent.example'), good),
  409: main(method, path.replaceAll('lan', 'large.example'), good),
  412: onFresh(method, path, { ...good, headers: WRONG_TAG }),
  503: unwritable(method, path, good),
})

const sessions: Rows = {
  'POST /api/v1/session': {
    200: main('POST', `${V}/session?dryRun=true`, json({ token: TOKENS.read }, { tcp: true })),
    201: main('POST', `${V}/session`, json({ token: TOKENS.read }, { tcp: true })),
    401: main('POST', `${V}/session`, json({ token: 'rw_wrong' }, { tcp: true })),
  },
  'GET /api/v1/session': { 200: main('GET', `${V}/session`) },
  'DELETE /api/v1/session': { 204: main('DELETE', `${V}/session`) },
  'POST /api/v1/session/codes': {
    200: main('POST', `${V}/session/codes?dryRun=true`, json({})),
    201: main('POST', `${V}/session/codes`, json({})),
  },
  'GET /api/v1/tokens': { 200: main('GET', `${V}/tokens`) },
  'POST /api/v1/tokens': {
    200: kit => kit.main.ask(`${V}/tokens?dryRun=true`, { method: 'POST', body: { name: newName() } }),
    201: kit => kit.main.ask(`${V}/tokens`, { method: 'POST', body: { name: newName() } }),
    409: main('POST', `${V}/tokens`, json({ name: 'admin' })),
    503: unwritable('POST', `${V}/tokens`, json({ name: 'lost' })),
  },
  'GET /api/v1/tokens/{name}': {
    200: main('GET', `${V}/tokens/admin`),
    404: main('GET', `${V}/tokens/absent`),
  },
  'DELETE /api/v1/tokens/{name}': {
    204: main('DELETE', `${V}/tokens/absent`),
    409: main('DELETE', `${V}/tokens/admin`),
    503: unwritable('DELETE', `${V}/tokens/kept`),
  },
}

const server: Rows = {
  'GET /livez': { 200: main('GET', '/livez') },
  'GET /readyz': { 200: main('GET', '/readyz') },
  'GET /metrics': {
    200: main('GET', '/metrics'),
    // A proxy here asks for someone elsewhere.
    401: main('GET', '/metrics', { tcp: true, headers: { 'x-forwarded-for': '192.0.2.1' } }),
  },
  'GET /api/v1/status': { 200: main('GET', `${V}/status`) },
  'GET /api/v1/now': { 200: main('GET', `${V}/now`) },
  'GET /api/v1/top': { 200: main('GET', `${V}/top`) },
  'POST /api/v1/reload': {
    200: main('POST', `${V}/reload?dryRun=true`),
    202: main('POST', `${V}/reload`),
    409: async kit => {
      const before = kit.configuration()
      kit.setConfiguration('{"any": 1}')
      const answered = await kit.main.ask(`${V}/reload`, { method: 'POST' })
      kit.setConfiguration(before)
      return answered
    },
  },
  'POST /api/v1/stop': {
    200: main('POST', `${V}/stop?dryRun=true`),
    202: kit => kit.ending.ask(`${V}/stop`, { method: 'POST' }),
  },
  'GET /api/v1/events': {
    200: ({ main: { port } }) => askHead(port, `${V}/events`, as('read')),
    400: main('GET', `${V}/events?filter=rcode%3D`),
    503: ({ full }) => askHead(full.port, `${V}/events`, as('admin')),
  },
  'GET /api/v1/live': {
    101: ({ main: { port } }) => askHead(port, `${V}/live`, { headers: { ...as('read').headers, ...UPGRADE } }),
    400: main('GET', `${V}/live?filter=rcode%3D`),
    426: main('GET', `${V}/live`),
    503: ({ full }) => askHead(full.port, `${V}/live`, as('admin')),
  },
  'GET /api/v1/walk': {
    200: ({ main: { port } }) => askHead(port, `${V}/walk?name=www.shop`, as('operate')),
    400: main('GET', `${V}/walk`),
  },
}

const UPGRADE = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
}
const as = (scope: keyof typeof TOKENS): { headers: Record<string, string> } => ({
  headers: { authorization: `Bearer ${TOKENS[scope]}` },
})

const configurationChange = (method: string, path: string, good: Asking): Readonly<Record<number, Row>> => ({
  200: main(method, path, good),
  412: main(method, path, { ...good, headers: WRONG_TAG }),
  503: unwritable(method, path, good),
})

const configuration: Rows = {
  'GET /api/v1/configuration': {
    200: main('GET', CONFIGURATION),
    304: async kit => {
      const { headers } = await kit.main.ask(CONFIGURATION)
      return kit.main.ask(CONFIGURATION, { headers: { 'if-none-match': String(headers.etag) } })
    },
  },
  'PUT /api/v1/configuration': {
    ...configurationChange('PUT', CONFIGURATION, json({ any: 'minimal' })),
    409: main('PUT', CONFIGURATION, json({ threads: 2 })),
  },
  'PATCH /api/v1/configuration': {
    ...configurationChange('PATCH', CONFIGURATION, json({ any: 'tcp' })),
    409: main('PATCH', CONFIGURATION, json({ threads: 2 })),
  },
  'GET /api/v1/configuration/revisions': { 200: main('GET', `${CONFIGURATION}/revisions`) },
  'POST /api/v1/configuration/undo': {
    ...configurationChange('POST', `${CONFIGURATION}/undo`, {}),
    200: async kit => {
      await kit.main.ask(CONFIGURATION, { method: 'PATCH', body: { any: 'minimal' } })
      return kit.main.ask(`${CONFIGURATION}/undo`, { method: 'POST' })
    },
    409: kit => kit.bare.ask(`${CONFIGURATION}/undo`, { method: 'POST' }),
  },
  'POST /api/v1/configuration/revisions/{number}/revert': {
    ...configurationChange('POST', `${CONFIGURATION}/revisions/0/revert`, {}),
    404: main('POST', `${CONFIGURATION}/revisions/9999/revert`),
    409: kit => kit.bare.ask(`${CONFIGURATION}/revisions/0/revert`, { method: 'POST' }),
  },
}

const zones: Rows = {
  'GET /api/v1/zones': { 200: main('GET', `${V}/zones`) },
  'POST /api/v1/zones': {
    200: main('POST', `${V}/zones?dryRun=true`, json({ name: 'other', rrsets: otherSets() })),
    201: async kit => {
      await kit.main.ask(`${V}/zones/other`, { method: 'DELETE' })
      return kit.main.ask(`${V}/zones`, { method: 'POST', body: { name: 'other', rrsets: otherSets() } })
    },
    409: main('POST', `${V}/zones`, json({ name: 'office.example', rrsets: otherSets('office.example') })),
    503: unwritable('POST', `${V}/zones`, json({ name: 'other', rrsets: otherSets() })),
  },
  'GET /api/v1/zones/{zone}': {
    200: onFresh('GET', LAN),
    304: async kit => {
      const { headers } = await (await freshZone(kit)).ask(LAN)
      return kit.main.ask(LAN, { headers: { 'if-none-match': String(headers.etag) } })
    },
    404: main('GET', `${V}/zones/absent.example`),
    409: main('GET', `${V}/zones/large.example`, { headers: { accept: 'text/dns' } }),
  },
  'PUT /api/v1/zones/{zone}': {
    200: onFresh('PUT', LAN, json({ rrsets: SETS })),
    201: async kit => {
      await kit.main.ask(LAN, { method: 'DELETE' })
      return kit.main.ask(LAN, { method: 'PUT', body: { rrsets: SETS } })
    },
    409: main('PUT', `${V}/zones/large.example`, json({ rrsets: otherSets('large.example') })),
    412: onFresh('PUT', LAN, json({ rrsets: SETS }, { headers: WRONG_TAG })),
    503: unwritable('PUT', LAN, json({ rrsets: SETS })),
  },
  'PATCH /api/v1/zones/{zone}': {
    ...zoneChange('PATCH', LAN, json({ set: [{ ...SETS[2], ttl: 30 }] }), 200),
    409: main('PATCH', `${V}/zones/large.example`, json({})),
  },
  'DELETE /api/v1/zones/{zone}': {
    200: dry('DELETE', LAN),
    204: onFresh('DELETE', LAN),
    409: main('DELETE', `${V}/zones/office.example`),
    412: onFresh('DELETE', LAN, { headers: WRONG_TAG }),
    503: unwritable('DELETE', LAN),
  },
  'GET /api/v1/zones/{zone}/rrsets': {
    200: onFresh('GET', `${LAN}/rrsets`),
    404: main('GET', `${V}/zones/absent.example/rrsets`),
  },
  'GET /api/v1/zones/{zone}/rrsets/{name}/{type}': {
    200: onFresh('GET', `${LAN}/rrsets/ns.lan/A`),
    404: onFresh('GET', `${LAN}/rrsets/absent.lan/A`),
  },
  'PUT /api/v1/zones/{zone}/rrsets/{name}/{type}': zoneChange('PUT', `${LAN}/rrsets/ns.lan/A`, set, 200),
  'DELETE /api/v1/zones/{zone}/rrsets/{name}/{type}': {
    ...zoneChange('DELETE', `${LAN}/rrsets/absent.lan/A`, {}, 204),
    503: unwritable('DELETE', `${LAN}/rrsets/a.lan/A`),
    422: onFresh('DELETE', `${LAN}/rrsets/lan/SOA`),
  },
  'GET /api/v1/zones/{zone}/revisions': {
    200: onFresh('GET', `${LAN}/revisions`),
    404: main('GET', `${V}/zones/absent.example/revisions`),
  },
  'GET /api/v1/zones/{zone}/difference': {
    200: onFresh('GET', `${LAN}/difference?from=0&to=1`),
    404: main('GET', `${V}/zones/absent.example/difference?from=0&to=1`),
  },
  'POST /api/v1/zones/{zone}/undo': {
    ...zoneChange('POST', `${LAN}/undo`, {}, 200),
    409: main('POST', `${V}/zones/office.example/undo`),
  },
  'POST /api/v1/zones/{zone}/revisions/{number}/revert': {
    ...zoneChange('POST', `${LAN}/revisions/0/revert`, {}, 200),
  },
}

function otherSets(zone = 'other'): readonly object[] {
  return [
    { name: zone, type: 'SOA', data: [`ns.${zone}. root.${zone}. 1 7200 900 2419200 300`] },
    { name: zone, type: 'NS', data: [`ns.${zone}.`] },
    { name: `ns.${zone}`, type: 'A', data: ['192.0.2.1'] },
  ]
}

/** The path of a visit that was just begun. */
async function newVisit({ main: served }: Kit, more: string): Promise<string> {
  const { body } = await served.ask(`${V}/visits`, { method: 'POST', body: { url: 'http://absent.shop/' } })
  return `${V}/visits/${body.id}${more}`
}
const onVisit =
  (more: string, method = 'GET'): Row =>
  async kit =>
    kit.main.ask(await newVisit(kit, more), { method })

const NO_VIEW = '?view=absent'

const caches: Rows = {
  'GET /api/v1/cache': { 200: main('GET', `${V}/cache`), 404: main('GET', `${V}/cache${NO_VIEW}`) },
  'DELETE /api/v1/cache': { 200: main('DELETE', `${V}/cache`), 404: main('DELETE', `${V}/cache${NO_VIEW}`) },
  'GET /api/v1/cache/names/{name}': {
    200: main('GET', `${V}/cache/names/www.shop`),
    404: main('GET', `${V}/cache/names/www.shop${NO_VIEW}`),
  },
  'DELETE /api/v1/cache/names/{name}': {
    200: main('DELETE', `${V}/cache/names/www.shop`),
    404: main('DELETE', `${V}/cache/names/www.shop${NO_VIEW}`),
  },
  'GET /api/v1/servers': { 200: main('GET', `${V}/servers`), 404: main('GET', `${V}/servers${NO_VIEW}`) },
  'GET /api/v1/resolutions': { 200: main('GET', `${V}/resolutions`) },
  'POST /api/v1/explain': {
    200: main('POST', `${V}/explain`, json({ name: 'www.shop' })),
    404: main('POST', `${V}/explain`, json({ name: 'www.shop', view: 'absent' })),
    503: async kit => {
      // No one is at the servers of slow.: these are under way until they are given up.
      const ask = (deadlineMs: number): Promise<Reply> =>
        kit.main.ask(`${V}/explain`, {
          method: 'POST',
          body: { name: `${newName()}.slow`, fromRoot: true, deadlineMs },
        })
      const asked = Array.from({ length: 9 }, () => ask(1_000))
      const answered = await Promise.all(asked)
      return answered.find(({ status }) => status === 503) ?? answered[0] ?? kit.main.ask(V)
    },
    504: kit => kit.main.ask(`${V}/explain`, { method: 'POST', body: { name: `${newName()}.slow`, deadlineMs: 1 } }),
  },
  'POST /api/v1/visits': {
    200: main('POST', `${V}/visits?dryRun=true`, json({ url: 'http://www.shop/' })),
    201: main('POST', `${V}/visits`, json({ url: 'http://absent.shop/' })),
    503: async kit => {
      // No one is at the servers of slow.: these are under way until they are given up.
      const ask = (): Promise<Reply> =>
        kit.main.ask(`${V}/visits`, { method: 'POST', body: { url: `http://${newName()}.slow/`, deadlineMs: 1_000 } })
      const answered = await Promise.all(Array.from({ length: 5 }, ask))
      await Promise.all(answered.map(({ body }) => kit.main.ask(`${V}/visits/${body.id}`, { method: 'DELETE' })))
      return answered.find(({ status }) => status === 503) ?? answered[0] ?? kit.main.ask(V)
    },
  },
  'GET /api/v1/visits': { 200: main('GET', `${V}/visits`) },
  'GET /api/v1/visits/{id}': { 200: onVisit(''), 404: main('GET', `${V}/visits/absent`) },
  'GET /api/v1/visits/{id}/events': {
    200: async kit => askHead(kit.main.port, await newVisit(kit, '/events'), as('operate')),
    404: main('GET', `${V}/visits/absent/events`),
  },
  'DELETE /api/v1/visits/{id}': { 204: onVisit('', 'DELETE') },
  'GET /api/v1/queries': { 200: main('GET', `${V}/queries`), 404: kit => kit.bare.ask(`${V}/queries`) },
  'GET /api/v1/queries/summary': {
    200: main('GET', `${V}/queries/summary`),
    404: kit => kit.bare.ask(`${V}/queries/summary`),
  },
}

const rules: Rows = {
  'GET /api/v1/trust-anchors': { 200: main('GET', `${V}/trust-anchors`) },
  'GET /api/v1/negative-anchors': { 200: main('GET', `${V}/negative-anchors`) },
  'PUT /api/v1/negative-anchors/{name}': {
    200: main('PUT', `${V}/negative-anchors/new.example?dryRun=true`, negative()),
    201: async kit => {
      await kit.main.ask(`${V}/negative-anchors/new.example`, { method: 'DELETE' })
      return kit.main.ask(`${V}/negative-anchors/new.example`, { method: 'PUT', ...negative() })
    },
    409: main('PUT', `${V}/negative-anchors/written.example`, negative()),
    422: main('PUT', `${V}/negative-anchors/new.example`, negative(30)),
  },
  'DELETE /api/v1/negative-anchors/{name}': {
    200: main('DELETE', `${V}/negative-anchors/new.example?allInstances=true`),
    204: main('DELETE', `${V}/negative-anchors/new.example`),
    409: main('DELETE', `${V}/negative-anchors/written.example`),
  },
  'GET /api/v1/lists': { 200: main('GET', `${V}/lists`) },
  'POST /api/v1/lists/refresh': {
    200: main('POST', `${V}/lists/refresh?dryRun=true`),
    202: main('POST', `${V}/lists/refresh`),
  },
  'POST /api/v1/lists/{name}/refresh': {
    200: main('POST', `${V}/lists/ads/refresh?dryRun=true`),
    202: main('POST', `${V}/lists/ads/refresh`),
    404: main('POST', `${V}/lists/absent/refresh`),
  },
  'GET /api/v1/policy/why': { 200: main('GET', `${V}/policy/why?name=www.shop&client=127.0.0.1`) },
}

const TESTS = `${V}/policy/tests`
const ASKED = { source: 'list', list: [{ name: 'www.shop' }] }
const tried = json({ candidate: { patch: { rules: ['||www.shop^'] } }, questions: ASKED })

/** Begun, and seen to its end, so that the next one finds room. */
async function tryOut({ main: served }: Kit): Promise<Reply> {
  const begun = await served.ask(TESTS, { method: 'POST', ...tried })
  const { location } = begun.headers
  for (let left = 2_000; left > 0; left--) {
    const { state } = (await served.ask(String(location))).body
    if (state !== 'preparing' && state !== 'running') break
  }
  return begun
}
const onTried =
  (method: string, below = ''): Row =>
  async kit =>
    kit.main.ask(`${String((await tryOut(kit)).headers.location)}${below}`, { method })

const policyTests: Rows = {
  'GET /api/v1/policy/tests': { 200: main('GET', TESTS) },
  'POST /api/v1/policy/tests': {
    200: main('POST', `${TESTS}?dryRun=true`, tried),
    202: tryOut,
    409: kit => kit.bare.ask(TESTS, { method: 'POST', body: { candidate: { patch: {} } } }),
    422: main('POST', TESTS, json({ candidate: { patch: { any: 7 } }, questions: ASKED })),
  },
  'GET /api/v1/policy/tests/{id}': { 200: onTried('GET'), 404: main('GET', `${TESTS}/absent`) },
  'GET /api/v1/policy/tests/{id}/changes': {
    200: onTried('GET', '/changes'),
    404: main('GET', `${TESTS}/absent/changes`),
  },
  'DELETE /api/v1/policy/tests/{id}': {
    200: main('DELETE', `${TESTS}/absent?dryRun=true`),
    204: main('DELETE', `${TESTS}/absent`),
  },
}

const CORP = `${V}/transfers/corp.example`
const asksPrimaries = (action: string): Readonly<Record<number, Row>> => ({
  200: main('POST', `${CORP}/${action}?dryRun=true`),
  202: main('POST', `${CORP}/${action}`),
  404: main('POST', `${V}/transfers/absent.example/${action}`),
})

const transfers: Rows = {
  'GET /api/v1/transfers': { 200: main('GET', `${V}/transfers`) },
  'GET /api/v1/transfers/{zone}': { 200: main('GET', CORP), 404: main('GET', `${V}/transfers/absent.example`) },
  'POST /api/v1/transfers/{zone}/refresh': asksPrimaries('refresh'),
  'POST /api/v1/transfers/{zone}/retransfer': asksPrimaries('retransfer'),
  'GET /api/v1/policy/zones': { 200: main('GET', `${V}/policy/zones`) },
  'GET /api/v1/policy/programs': { 200: main('GET', `${V}/policy/programs`) },
  'GET /api/v1/limits': { 200: main('GET', `${V}/limits`) },
}

export const ROWS: Rows = {
  ...{ ...sessions, ...transfers, ...server, ...configuration, ...zones, ...caches, ...rules },
  ...policyTests,
}

/** What is named and cannot be provoked from outside, with the reason. */
export const UNPROVOKED: Readonly<Record<string, string>> = {
  'POST /api/v1/zones/{zone}/revisions/{number}/revert 409':
    'only where the file of the zone has become too large since, as PUT shows, or cannot be written',
  'POST /api/v1/visits 409':
    'the first request with the key is answered before the second one can arrive: nothing of it waits',
  'POST /api/v1/session/codes 409':
    'the first request with the key is answered before the second one can arrive: nothing of it waits',
}
