import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { linkOf, ownerOf, type Owner } from '../../src/fairness/owner.ts'
import { ShareTree } from '../../src/fairness/share-tree.ts'
import { ip } from '../../src/simulation/records.ts'

describe('the owner of what a client asks', () => {
  test.each([
    ['192.0.2.7', ['192.0.2', '192.0.2.7']],
    ['192.0.3.7', ['192.0.3', '192.0.3.7']],
    ['127.0.0.1', ['127.0.0.1']],
    ['127.0.0.2', ['127.0.0.2']],
    ['2001:db8:1:2aa::1', ['32.1.13.184.0.1.2', '32.1.13.184.0.1.2.170', '2001:db8:1:2aa::1']],
    ['2001:db8:1:2ab::1', ['32.1.13.184.0.1.2', '32.1.13.184.0.1.2.171', '2001:db8:1:2ab::1']],
    ['2001:db8:1:3aa::1', ['32.1.13.184.0.1.3', '32.1.13.184.0.1.3.170', '2001:db8:1:3aa::1']],
  ])('of %s is %j', (address, owner) => {
    expect(ownerOf(ip(address))).toEqual(owner)
  })

  test('counted by link alone is the address of IPv4 and the /64 of IPv6', () => {
    expect([linkOf(ip('192.0.2.7')), linkOf(ip('2001:db8:1:2aa::1'))]).toEqual(['192.0.2.7', '32.1.13.184.0.1.2.170'])
  })
})

const tree = (text: string): ShareTree<string> => {
  const made = new ShareTree<string>()
  for (const item of text.split(' ').filter(word => word !== '')) made.add(ownerIn(item), item)
  return made
}
/** `a/b:3` is the third item of the owner a/b. */
const ownerIn = (item: string): Owner => item.slice(0, item.indexOf(':')).split('/')

describe('what makes room for a newcomer', () => {
  test.each([
    ['nothing is held', '', 'a/x', undefined],
    ['who holds most gives its oldest', 'a/x:1 a/x:2 b/y:1', 'c/z', { item: 'a/x:1', own: false }],
    ['also when it is not the oldest of all', 'b/y:1 a/x:1 a/x:2', 'c/z', { item: 'a/x:1', own: false }],
    ['of equals the one that has had as many for longest', 'a/x:1 b/y:1', 'c/z', { item: 'a/x:1', own: false }],
    ['a block of many addresses is one', 'a/1:1 a/2:1 a/3:1 b/1:1 b/1:2', 'c/1', { item: 'a/1:1', own: false }],
    ['within a block the address with most', 'a/1:1 a/2:1 a/2:2 b/1:1', 'c/1', { item: 'a/2:1', own: false }],
    ['a neighbour in the same block', 'a/1:1 a/2:1 a/2:2 a/2:3', 'a/1', { item: 'a/2:1', own: false }],
    ['a newcomer in the same block', 'a/2:1 a/2:2', 'a/1', { item: 'a/2:1', own: false }],
    ['who has most itself gives of its own', 'a/1:1 a/1:2 b/1:1', 'a/1', { item: 'a/1:1', own: true }],
    ['who would have as many gives of its own', 'a/1:1 a/1:2 b/1:1', 'b/1', { item: 'b/1:1', own: true }],
    ['who would have fewer all the same does not', 'a/1:1 a/1:2 a/1:3 b/1:1', 'b/1', { item: 'a/1:1', own: false }],
    ['owners of other depth', 'o:1 o:2 o:3 a/1/i:1', 'a/1/i', { item: 'o:1', own: false }],
  ])('%s', (_about, held, newcomer, wanted) => {
    const giving = tree(held).toGive(newcomer.split('/'))
    expect(giving === undefined ? undefined : { item: giving.item, own: giving.own }).toEqual(wanted)
  })
})

describe('turns', () => {
  const turns = (text: string): string => {
    const made = tree(text)
    const got: string[] = []
    for (let item = made.next(); item !== undefined; item = made.next()) got.push(item)
    return got.join(' ')
  }
  test.each([
    ['of one owner, oldest first', 'a/1:1 a/1:2 a/1:3', 'a/1:1 a/1:2 a/1:3'],
    ['of two blocks', 'a/1:1 a/1:2 a/1:3 b/1:1 b/1:2', 'a/1:1 b/1:1 a/1:2 b/1:2 a/1:3'],
    ['a block of many addresses has one turn', 'a/1:1 a/2:1 a/3:1 b/1:1', 'a/1:1 b/1:1 a/2:1 a/3:1'],
    ['within a block its addresses take turns', 'a/1:1 a/1:2 a/2:1 b/1:1', 'a/1:1 b/1:1 a/2:1 a/1:2'],
    ['three widths', 's/l/1:1 s/l/1:2 s/l/2:1 s/k/1:1', 's/l/1:1 s/k/1:1 s/l/2:1 s/l/1:2'],
  ])('%s', (_about, waiting, wanted) => {
    expect(turns(waiting)).toBe(wanted)
  })
})

describe('turns of those whose items cost as much as several', () => {
  /** What an item of each block costs, in turns. */
  const turns = (waiting: string, costs: Readonly<Record<string, number>>): string => {
    const made = tree(waiting)
    const got: string[] = []
    for (let place = made.take(); place !== undefined; place = made.take()) {
      got.push(place.item)
      made.charge(place, costs[place.item.slice(0, 1)] ?? 1)
    }
    return got.join(' ')
  }
  test.each([
    [
      'are passed over as often',
      'a/1:1 a/1:2 b/1:1 b/1:2 b/1:3 b/1:4',
      { a: 3 },
      'a/1:1 b/1:1 b/1:2 b/1:3 a/1:2 b/1:4',
    ],
    ['are not when no one else waits', 'a/1:1 a/1:2 b/1:1', { a: 9 }, 'a/1:1 b/1:1 a/1:2'],
    ['are within a block as well', 'a/1:1 a/1:2 a/2:1 a/2:2', { a: 2 }, 'a/1:1 a/2:1 a/1:2 a/2:2'],
    ['are not saved up by who costs less', 'a/1:1 a/1:2 a/1:3 b/1:1 b/1:2', { a: 0 }, 'a/1:1 b/1:1 a/1:2 b/1:2 a/1:3'],
    [
      'are passed over for a bounded time',
      `a/1:1 a/1:2 ${Array.from({ length: 40 }, (_, n) => `b/1:${n}`).join(' ')}`,
      { a: 1e6 },
      `a/1:1 ${Array.from({ length: 33 }, (_, n) => `b/1:${n}`).join(' ')} a/1:2 ${Array.from({ length: 7 }, (_, n) => `b/1:${n + 33}`).join(' ')}`,
    ],
  ])('%s', (_about, waiting, costs, wanted) => {
    expect(turns(waiting, costs)).toBe(wanted)
  })
})

test('counts stay those of the items, and the fullest is the fullest, whatever comes and goes', () => {
  const owners = ['a/1', 'a/2', 'a/3', 'b/1', 'b/2', 'c/1'].map(text => text.split('/'))
  const move = fc.record({ owner: fc.integer({ min: 0, max: 5 }), take: fc.constantFrom('none', 'oldest', 'next') })
  fc.assert(
    fc.property(fc.array(move, { maxLength: 200 }), moves => {
      const made = new ShareTree<number>()
      const held: { readonly at: number; readonly place: ReturnType<typeof made.add> }[] = []
      for (const [n, { owner: at, take }] of moves.entries()) {
        if (take === 'none') held.push({ at, place: made.add(owners[at] ?? [], n) })
        else if (take === 'oldest') {
          const first = held.shift()
          if (first !== undefined) expect(made.delete(first.place)).toBe(true)
        } else {
          const item = made.next()
          const index = held.findIndex(one => one.place.item === item)
          expect(index < 0).toBe(held.length === 0)
          if (index >= 0) held.splice(index, 1)
        }
        expect(made.size).toBe(held.length)
        const counts = owners.map((_, of) => held.filter(one => one.at === of).length)
        expect(owners.map(of => made.countOf(of))).toEqual(counts)
        const giving = made.toGive(['new', '1'])
        if (giving === undefined) expect(held).toEqual([])
        else {
          const block = (of: number): string => owners[of]?.[0] ?? ''
          const sums = new Map<string, number>()
          for (const { at: of } of held) sums.set(block(of), (sums.get(block(of)) ?? 0) + 1)
          const from = held.find(one => one.place.item === giving.item)?.at ?? -1
          expect(sums.get(block(from))).toBe(Math.max(...sums.values()))
          const inBlock = counts.filter((_, of) => block(of) === block(from))
          expect(counts[from]).toBe(Math.max(...inBlock))
        }
      }
    }),
  )
})
