/** Counts how many octets of a message are read, so that a test can bound work without measuring time. */
export function countReads(bytes: Uint8Array): { bytes: Buffer; reads: () => number } {
  const target = Buffer.from(bytes)
  let reads = 0
  const proxy = new Proxy(target, {
    get(buffer, key) {
      if (typeof key === 'string' && /^\d+$/.test(key)) {
        reads++
        return buffer[Number(key)]
      }
      const member: unknown = Reflect.get(buffer, key, buffer)
      if (typeof member !== 'function') return member
      return (...args: unknown[]) => {
        const made: unknown = Reflect.apply(member, buffer, args)
        if (typeof made === 'string' || made instanceof Uint8Array) reads += made.length
        return made
      }
    },
  })
  return { bytes: proxy, reads: () => reads }
}
