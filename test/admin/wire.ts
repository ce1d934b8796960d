/** A plain query, octet by octet. */
export function encodeQuery(id: number, name: string, type: number): Uint8Array {
  const labels = name.split('.').filter(label => label !== '')
  const question = labels.flatMap(label => [label.length, ...Buffer.from(label, 'latin1')])
  return Uint8Array.from([
    id >> 8,
    id & 0xff,
    1,
    0,
    0,
    1,
    0,
    0,
    0,
    0,
    0,
    0,
    ...question,
    0,
    type >> 8,
    type & 0xff,
    0,
    1,
  ])
}
