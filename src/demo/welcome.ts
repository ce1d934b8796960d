/** What the demo says when it is up: which commands to try and what each shows. Texts only. */
import type { Paint } from '../render/walk.ts'
import type { EmbeddedInternet } from '../simulation/internet.ts'

export function welcome(internet: EmbeddedInternet, port: number, paint: Paint): string {
  const asks = internet.suggestions.map(({ ask, shows }) => ({ command: `dig @127.0.0.1 -p ${port} ${ask}`, shows }))
  const width = Math.max(...asks.map(({ command }) => command.length))
  const table = asks.map(({ command, shows }) => `  ${paint('cyan', command.padEnd(width))}  ${shows}`)
  return [
    `${paint('bold', 'rootwalk')} answers on 127.0.0.1 port ${port}, UDP and TCP.`,
    `Behind it is an internet of its own: ${internet.zones.length} zones on ${new Set(internet.zones.flatMap(zone => zone.at)).size} server addresses, all inside this process. Nothing leaves this machine.`,
    'Most of its zones are signed, and what comes from them is validated by the keys of its root.',
    '',
    'Try, in another terminal:',
    '',
    ...table,
    '',
    `Without dig: node dist/cli.js query www.example.com @127.0.0.1 -p ${port}`,
    'Each walk is printed here. Ctrl-C ends it.',
    '',
    '',
  ].join('\n')
}
