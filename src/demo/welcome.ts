/** What the demo says when it is up: which commands to try and what each shows. Texts only. */
import { counted } from '../presentation/counted.ts'
import type { Paint } from '../render/walk.ts'
import type { EmbeddedInternet } from '../simulation/internet.ts'

export function welcome(internet: EmbeddedInternet, port: number, paint: Paint): string {
  const asks = internet.suggestions.map(({ ask, shows }) => ({ command: `dig @127.0.0.1 -p ${port} ${ask}`, shows }))
  const servers = new Set(internet.zones.flatMap(zone => zone.at)).size
  const table = asks.flatMap(({ command, shows }) => [
    `  ${paint('cyan', command)}`,
    ...wrapped(shows, COLUMNS - INDENT.length).map(line => `${INDENT}${line}`),
  ])
  return [
    `${paint('bold', 'rootwalk')} answers on 127.0.0.1 port ${port}, UDP and TCP.`,
    ...wrapped(
      `Behind it is an internet of its own: ${counted(internet.zones.length, 'zone')} on ` +
        `${counted(servers, 'server address', 'server addresses')}, all inside this process. Nothing leaves ` +
        'this machine. Most of its zones are signed, and what comes from them is validated by the keys of its ' +
        'root.',
      COLUMNS,
    ),
    '',
    'Try, in another terminal:',
    '',
    ...table,
    '',
    `Without dig: npx rootwalk query www.example.com @127.0.0.1 -p ${port}`,
    'Each walk is printed here. Ctrl-C ends it.',
    '',
    '',
  ].join('\n')
}

/** `url` null: nothing listens, which was reported. */
export const dashboardLines = (url: string | null, paint: Paint): string =>
  url === null
    ? 'There is no dashboard: its port is taken. Another one: rootwalk demo --dashboard 0\n\n'
    : `See it at work in a browser; the address is good once:\n\n  ${paint('cyan', url)}\n\n`

/** Of a terminal as it opens. */
const COLUMNS = 80
const INDENT = '      '

/** Lines of at most `columns` characters, broken at spaces. */
function wrapped(text: string, columns: number): readonly string[] {
  const lines: string[] = ['']
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? ''
    if (last === '') lines[lines.length - 1] = word
    else if (last.length + 1 + word.length <= columns) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}
