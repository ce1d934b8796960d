// @ts-check
/** From the start of the process to its first answer, in milliseconds: one it knows itself, and one it has to look up. */
import { createSocket } from 'node:dgram'
import { encode } from 'dns-packet'
import { cpuMicros, median } from './measure.mjs'
import { ADDRESS, startRootwalk } from './servers.mjs'

const ASK_EVERY_MS = 2
const LIMIT_MS = 20_000

/**
 * @param {{ hints: string, name: string, rounds: number }} options
 * @returns {Promise<{ ownMs: number, resolvedMs: number, cpuMs: number }>} `cpuMs`: processor time used until then, which a busy machine does not stretch.
 */
export async function startBench({ hints, name, rounds }) {
  /** @type {number[]} */
  const own = []
  /** @type {number[]} */
  const cpu = []
  /** @type {number[]} */
  const resolved = []
  for (let round = 0; round < rounds; round++) {
    for (const [question, into] of /** @type {const} */ ([['localhost', own], [name, resolved]])) {
      const begun = process.hrtime.bigint()
      const server = await startRootwalk({ hints, ready: port => firstAnswer(port, question) })
      into.push(Number(process.hrtime.bigint() - begun) / 1e6)
      cpu.push(cpuMicros(server.pid) / 1e3)
      await server.stop()
    }
  }
  return { ownMs: Math.round(median(own)), resolvedMs: Math.round(median(resolved)), cpuMs: Math.round(median(cpu)) }
}

/**
 * Asks again and again until NOERROR comes; false when it never does.
 * @param {number} port
 * @param {string} name
 * @returns {Promise<boolean>}
 */
function firstAnswer(port, name) {
  const message = encode({ type: 'query', id: 7, flags: 0x0100, questions: [{ type: 'A', name }] })
  const socket = createSocket('udp4')
  return new Promise(resolve => {
    const finish = (/** @type {boolean} */ answered) => {
      clearInterval(timer)
      clearTimeout(limit)
      socket.close(() => resolve(answered))
    }
    const timer = setInterval(() => socket.send(message, port, ADDRESS), ASK_EVERY_MS)
    const limit = setTimeout(finish, LIMIT_MS, false)
    socket.on('error', () => {})
    socket.on('message', bytes => {
      if (((bytes[3] ?? 0) & 0xf) === 0) finish(true)
    })
  })
}
