import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  applyCaseBits,
  canonicalKey,
  commonAncestor,
  compareNames,
  foldName,
  isStrictlyWithin,
  isWildcard,
  isWithin,
  joinNames,
  labelCount,
  labelsOf,
  nameBytes,
  nameFromLabels,
  parentOf,
  prependLabel,
  replaceSuffix,
  ROOT,
  suffixOf,
  trustWireName,
  type Name,
  type WireName,
  wildcardOf,
  writeName,
} from '../../src/dns/name.ts'
import { name, wire } from './make.ts'

const longest = wire([...Array(3).fill('x'.repeat(63)), 'y'.repeat(61)].join('.'))

describe('limits of RFC 1035 section 2.3.4', () => {
  it.each([
    ['63 octets in a label', ['x'.repeat(63)], true],
    ['64 octets in a label', ['x'.repeat(64)], false],
    ['an empty label', ['a', '', 'b'], false],
    ['127 labels of one octet: 255 octets', Array(127).fill('a'), true],
    ['128 labels of one octet', Array(128).fill('a'), false],
    ['255 octets', [...Array(3).fill('x'.repeat(63)), 'y'.repeat(61)], true],
    ['256 octets', [...Array(3).fill('x'.repeat(63)), 'y'.repeat(62)], false],
    ['no label: the root', [], true],
  ])('%s', (_what, labels: string[], ok) => {
    expect(nameFromLabels(labels) !== null).toBe(ok)
  })

  it('holds for everything that makes a longer name', () => {
    expect(longest.length).toBe(255)
    expect(prependLabel('a', longest)).toBeNull()
    expect(prependLabel('', ROOT)).toBeNull()
    expect(prependLabel('x'.repeat(64), ROOT)).toBeNull()
    expect(joinNames(wire('a'), longest)).toBeNull()
    expect(joinNames(wire('a.b'), wire('c'))).toBe(wire('a.b.c'))
    expect(wildcardOf(foldName(longest))).toBeNull()
    expect(wildcardOf(name('test'))).toBe(name('*.test'))
    // RFC 6672 section 2.2: a substitution that gets too long.
    expect(replaceSuffix(wire('www.example.com'), name('example.com'), longest)).toBeNull()
  })
})

describe('folding (RFC 4343)', () => {
  it.each([
    ['letters', wire('WwW.ExAmPlE'), wire('www.example')],
    ['neighbours of the letters', wire('@A[`a{Z'), wire('@a[`a{z')],
    ['octets beyond ASCII stay', wire('A\xc0\xdeB'), wire('a\xc0\xdeb')],
    ['a length octet of 0x41 does not exist', wire(`${'A'.repeat(63)}.B`), wire(`${'a'.repeat(63)}.b`)],
  ])('%s', (_what, from, to) => {
    expect(foldName(from)).toBe(to)
  })

  it('leaves a folded name as it is', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 20 }), { maxLength: 8 }),
        labels => {
          const folded = foldName(nameFromLabels(labels) ?? ROOT)
          expect(foldName(folded)).toBe(folded)
          expect(labelsOf(folded)).toEqual(labels.map(label => label.toLowerCase()))
        },
      ),
      { numRuns: 100 },
    )
  })
})

describe('labels', () => {
  it('counts and lists them without the root label', () => {
    expect(labelsOf(wire('a.bc.def'))).toEqual(['a', 'bc', 'def'])
    expect(labelCount(wire('a.bc.def'))).toBe(3)
    expect(labelsOf(ROOT)).toEqual([])
    expect(labelCount(ROOT)).toBe(0)
  })

  it('keeps a dot inside a label apart from a separator', () => {
    expect(nameFromLabels(['a.b', 'c'])).not.toBe(nameFromLabels(['a', 'b', 'c']))
    expect(labelsOf(nameFromLabels(['a.b', 'c']) ?? ROOT)).toEqual(['a.b', 'c'])
  })

  it('goes up and takes suffixes', () => {
    expect(parentOf(name('a.b.c'))).toBe(name('b.c'))
    expect(parentOf(ROOT)).toBe(ROOT)
    expect(suffixOf(name('a.b.c'), 2)).toBe(name('b.c'))
    expect(suffixOf(name('a.b.c'), 0)).toBe(ROOT)
    expect(suffixOf(name('a.b.c'), 9)).toBe(name('a.b.c'))
  })

  it.each(['constructor', '__proto__', 'toString', 'hasOwnProperty'])('%s is a label like any other', label => {
    const map = new Map([[name(label), 1]])
    expect(map.get(name(`x.${label}`))).toBeUndefined()
    expect(map.get(name(label.toUpperCase()))).toBe(1)
  })
})

describe('isWithin', () => {
  it.each([
    ['a.b.c', 'b.c', true, true],
    ['b.c', 'b.c', true, false],
    ['b.c', 'a.b.c', false, false],
    ['a.b.c', '', true, true],
    ['', '', true, false],
    ['ab.c', 'b.c', false, false],
  ])('%s within %s', (child, parent, within, strictly) => {
    expect(isWithin(name(child), name(parent))).toBe(within)
    expect(isStrictlyWithin(name(child), name(parent))).toBe(strictly)
  })

  it('is not deceived by octets of a label that look like a name', () => {
    const disguised = foldName(nameFromLabels(['a\x03com']) ?? ROOT)
    expect(disguised.endsWith(name('com'))).toBe(true)
    expect(isWithin(disguised, name('com'))).toBe(false)
    expect(isWithin(foldName(nameFromLabels(['x\x07example\x03com']) ?? ROOT), name('example.com'))).toBe(false)
  })

  it('the common ancestor of two names is found', () => {
    expect(commonAncestor(name('a.b.c'), name('x.b.c'))).toBe(name('b.c'))
    expect(commonAncestor(name('a.b.c'), name('b.c'))).toBe(name('b.c'))
    expect(commonAncestor(name('a'), name('b'))).toBe(ROOT)
  })
})

describe('substitution and wildcards', () => {
  it('replaces the suffix and keeps the case in front', () => {
    expect(replaceSuffix(wire('WwW.a.example.com'), name('example.com'), wire('Example.NET'))).toBe(
      wire('WwW.a.Example.NET'),
    )
  })

  it.each([['example.com'], ['other.net'], ['anexample.com']])('does not touch %s, which is not below', text => {
    expect(replaceSuffix(wire(text), name('example.com'), wire('net'))).toBeNull()
  })

  it('knows a wildcard by its first label alone (RFC 4592 section 2.1.1)', () => {
    expect(['*.a', 'a.*', '**.a', 'a', ''].map(text => isWildcard(wire(text)))).toEqual([
      true,
      false,
      false,
      false,
      false,
    ])
  })
})

const anyLabel = fc.oneof(
  fc.constantFrom('a', 'b', '*', '\0', '\xff', 'a\0'),
  fc.string({ minLength: 1, maxLength: 3, unit: fc.nat(255).map(octet => String.fromCharCode(octet)) }),
)
const anyName = fc.array(anyLabel, { maxLength: 4 }).map((labels): Name => {
  const name = nameFromLabels(labels)
  if (name === null) throw new Error('too long')
  return foldName(name)
})

describe('canonical order (RFC 4034 section 6.1)', () => {
  it('sorts the example of the RFC', () => {
    const z = (text: string) => foldName(nameFromLabels(text.split('.')) ?? ROOT)
    const sorted = [
      'example',
      'a.example',
      'yljkjljk.a.example',
      'Z.a.example',
      'zABC.a.EXAMPLE',
      'z.example',
      '\x01.z.example',
      '*.z.example',
      '\xc8.z.example',
    ].map(z)
    const shuffled = [...sorted].reverse()
    expect(shuffled.sort(compareNames)).toEqual(sorted)
  })

  it('is equal only for equal names', () => {
    expect(compareNames(name('a.b'), name('a.b'))).toBe(0)
    expect(compareNames(ROOT, name('a'))).toBeLessThan(0)
  })

  it('is the order of the keys that names are kept under', () => {
    fc.assert(
      fc.property(anyName, anyName, (x, y) => {
        const [left, right] = [canonicalKey(x), canonicalKey(y)]
        expect(left < right ? -1 : left > right ? 1 : 0).toBe(Math.sign(compareNames(x, y)))
      }),
      { numRuns: process.env.ROOTWALK_LONG === '1' ? 5_000 : 200 },
    )
  })
})

describe('octets', () => {
  it('a name is written as the octets that it is', () => {
    expect([...nameBytes(wire('Ab.c'))]).toEqual([2, 0x41, 0x62, 1, 0x63, 0])
    const into = new Uint8Array(8)
    expect(writeName(wire('a'), into, 2)).toBe(5)
    expect([...into]).toEqual([0, 0, 1, 0x61, 0, 0, 0, 0])
  })

  it('flips letters by the given bits and nothing else', () => {
    const withCaseBits = (of: Name, bits: Uint8Array): WireName => {
      // Octets before and behind the name stay what they are.
      const octets = Uint8Array.from([0x61, ...nameBytes(of), 0x61])
      applyCaseBits(octets, 1, octets.length - 1, bits)
      expect([octets[0], octets.at(-1)]).toEqual([0x61, 0x61])
      return trustWireName(Buffer.from(octets.subarray(1, -1)).toString('latin1'))
    }
    expect(withCaseBits(name('a1b'), Uint8Array.of(0xff))).toBe(wire('A1B'))
    expect(withCaseBits(name('abc'), Uint8Array.of(0b0000_0100))).toBe(wire('aBc'))
    expect(withCaseBits(name('abc'), new Uint8Array(0))).toBe(wire('abC'))
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 32 }), bits => {
        expect(foldName(withCaseBits(name('www.example-0.com'), bits))).toBe(name('www.example-0.com'))
      }),
      { numRuns: 50 },
    )
  })

  it('lets trusted octets through unchanged', () => {
    expect(trustWireName('\x01a\0')).toBe(wire('a'))
  })
})
