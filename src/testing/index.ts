/** The test kit: what `rootwalk/testing` gives. */
export { createDnsStub } from './create-dns-stub.ts'
export {
  dnsMatchers,
  type AskedTimes,
  type DnsMatchers,
  type MatcherResult,
  type ResolveArguments,
  type ResolvesTo,
} from './matchers.ts'
export type * from './stub/types.ts'
export type { PacketAnswer, RecordData } from '../input/packet-answer.ts'
export type { PacketData, PacketRecord } from '../presentation/packet-record.ts'
export { createClock, type ClockOptions, type Duration, type TestClock } from './input/clock.ts'
export { createInternet } from './create-internet.ts'
export type * from './internet/types.ts'
export type { DnssecOptions, SigningWord, ZoneSigning } from './input/signing.ts'
export { createResolver } from './create-resolver.ts'
export type { ResolverOptions } from './create-resolver.ts'
export type { AnswerFormat } from './internet/test-engine.ts'
export type { AnsweredRecord, CachingResolver, EngineOptions, RootHints, TestAnswer } from './internet/test-engine.ts'
export { openControlApi, type ControlApi, type ControlOptions } from './control/api.ts'
export { attackNames, simulateAttack, type AttackOptions } from './simulate-attack.ts'
export type { AttackKind, AttackMeasure, AttackReport, MeasureUnit } from '../attacks/report.ts'
