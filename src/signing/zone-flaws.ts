/**
 * The named ways in which the signing of a simulated zone can go wrong, or be an attack, as data: what each is called
 * and what a validator meets. What they do is in `zone-signer.ts`, `signed-answers.ts` and `crafted-keys.ts`. What goes
 * wrong at one server only is a misbehaviour of that server (`simulation/misbehaviour.ts`).
 */

/** Each flaw with what it is; `(n)` where it takes a number. */
export const zoneFlaws = {
  // What happens to operators.
  expired: 'all signatures ended a day ago',
  notYetValid: 'all signatures begin tomorrow',
  endsBeforeItBegins: 'all signatures end before they begin',
  wrongDs: 'the DS record at the parent is of a key that the zone does not have',
  wrongDigest: 'the DS record has the tag of the key, but not its digest',
  wrongKey: 'the data is signed by a key that is not in the DNSKEY set, under the tag of one that is',
  unknownKey: 'the data is signed by a key that is not in the DNSKEY set',
  badSignatures: 'an octet of every signature over data is another',
  missingSignatures: 'only the DNSKEY set is signed',
  missingKeySignature: 'everything but the DNSKEY set is signed',
  missingKeys: 'there is no DNSKEY set',
  missingProofs: 'nothing proves what does not exist',
  strippedDs: 'the parent gives neither the DS record nor a proof that there is none',
  wrongNsec3: 'NSEC3 hashes are made with another salt than the records say',
  wrongTypes: 'the type bitmaps of NSEC and NSEC3 say that every type exists',
  noZoneKeyBit: 'the keys are no zone keys (flags 0)',
  brokenRollover: 'the old key has left the DNSKEY set, and the parent still has its DS record only',
  downgrade: 'the DS records name a supported algorithm; the signatures are of an unsupported one',
  // What attackers do.
  revokedKey: 'the key that the DS record speaks of is revoked and signs still (RFC 5011 section 2.1)',
  keyTrap: '(n) that many keys with one tag, and for each a bad signature over every set (CVE-2023-50387)',
  malformedKeys: '(n) that many keys with the tag of the signatures that are no points of the curve (CVE-2025-8677)',
  manySignatures: '(n) that many bad signatures before the good one',
  labelsBelowSigner: 'signatures say that the data was expanded from a wildcard above the zone (CVE-2026-44690)',
  wildcardDs: 'the DS record at the parent is signed as expanded from a wildcard',
  nextOutsideZone: 'the next name of NSEC records is outside the zone (CVE-2026-13321)',
  foreignProof: 'denials are proven by records whose names are not in this zone, signed by its keys',
  ancestorProof: "denials are proven by the parent's record about the delegation (RFC 6840 section 4.1)",
  expandedNsec: 'denials are proven by an NSEC record expanded from a wildcard (CVE-2017-15105)',
  wildcardWithoutProof: 'data expanded from a wildcard comes without the proof that the name does not exist',
  replayedWildcard: 'the wildcard answers for names that exist',
  wrongDnameTarget: 'the CNAME made from a DNAME leads elsewhere',
} as const

export type ZoneFlaw = keyof typeof zoneFlaws

/** Those that are there, each with its number or null. */
export type ZoneFlaws = ReadonlyMap<ZoneFlaw, number | null>

export const isZoneFlaw = (text: string): text is ZoneFlaw => Object.hasOwn(zoneFlaws, text)
