/**
 * Frame Streams (github.com/farsightsec/fstrm, "Frame Streams Control Protocol"): data frames with their length in
 * front, and control frames after a length of 0. Pure.
 */
import { dnstapLimits } from './limits.ts'

const CONTENT_TYPE = new TextEncoder().encode('protobuf:dnstap.Dnstap')
const CONTENT_TYPE_FIELD = 1
const CONTROL = { accept: 1, start: 2, stop: 3, ready: 4, finish: 5 } as const
type ControlKind = keyof typeof CONTROL

/** All numbers are 32 bits, most significant octet first. */
function numbers(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4)
  const view = new DataView(bytes.buffer)
  for (const [index, value] of values.entries()) view.setUint32(index * 4, value)
  return bytes
}

export function controlFrame(kind: ControlKind): Uint8Array {
  if (kind === 'stop' || kind === 'finish') return numbers(0, 4, CONTROL[kind])
  const head = numbers(0, 12 + CONTENT_TYPE.length, CONTROL[kind], CONTENT_TYPE_FIELD, CONTENT_TYPE.length)
  const frame = new Uint8Array(head.length + CONTENT_TYPE.length)
  frame.set(head)
  frame.set(CONTENT_TYPE, head.length)
  return frame
}

export type ReadControl =
  | { readonly kind: 'more' }
  | { readonly kind: 'control'; readonly control: ControlKind; readonly takesDnstap: boolean; readonly octets: number }
  | { readonly kind: 'wrong'; readonly why: string }

/** The control frame at the beginning of what came. */
export function readControl(bytes: Uint8Array): ReadControl {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 8) return { kind: 'more' }
  if (view.getUint32(0) !== 0) return { kind: 'wrong', why: 'it sent something else than a control frame' }
  const length = view.getUint32(4)
  if (length < 4 || length > dnstapLimits.controlBytes)
    return { kind: 'wrong', why: `it sent a control frame of ${length} octets` }
  if (bytes.length < 8 + length) return { kind: 'more' }
  const type = view.getUint32(8)
  const control = (['accept', 'start', 'stop', 'ready', 'finish'] as const).find(kind => CONTROL[kind] === type)
  if (control === undefined) return { kind: 'wrong', why: `it sent a control frame of type ${type}` }
  return { kind: 'control', control, takesDnstap: takesDnstap(bytes.subarray(12, 8 + length)), octets: 8 + length }
}

/** Without a content type any is taken. */
function takesDnstap(fields: Uint8Array): boolean {
  const view = new DataView(fields.buffer, fields.byteOffset, fields.byteLength)
  let isAny = true
  for (let at = 0; at + 8 <= fields.length; ) {
    const length = view.getUint32(at + 4)
    if (view.getUint32(at) === CONTENT_TYPE_FIELD) {
      isAny = false
      const type = fields.subarray(at + 8, at + 8 + length)
      if (type.length === CONTENT_TYPE.length && type.every((octet, index) => octet === CONTENT_TYPE[index]))
        return true
    }
    at += 8 + length
  }
  return isAny
}
