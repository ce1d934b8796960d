// @ts-check
/** How much is measured: a full run takes about half an hour, a quick one about a minute and says less. */

/** @typedef {typeof full} Size */

export const full = {
  zones: 500,
  namesPerZone: 200,
  rounds: 5,
  seconds: 3,
  cachedNames: 10_000,
  manyFirst: 100_000,
  manyNames: 1_000_000,
  coldRounds: 5,
  mixSeconds: 5,
  mixRate: 20_000,
  mixShare: 0.1,
  overloadSeconds: 6,
  fairnessSeconds: 5,
  sharedRate: 1_000,
  silentRate: 10_000,
  silentShare: 0.05,
  starts: 15,
  idleSeconds: 5,
  iterations: 20_000,
  junk: 200_000,
  zoneRecords: 1_000_000,
  forwardNames: 50_000,
  requests: 60_000,
  idleConnections: 2_000,
}

/** @type {Size} */
export const quick = {
  zones: 100,
  namesPerZone: 100,
  rounds: 1,
  seconds: 1,
  cachedNames: 5_000,
  manyFirst: 10_000,
  manyNames: 20_000,
  coldRounds: 1,
  mixSeconds: 1,
  mixRate: 10_000,
  mixShare: 0.1,
  overloadSeconds: 1,
  fairnessSeconds: 2,
  sharedRate: 1_000,
  silentRate: 5_000,
  silentShare: 0.05,
  starts: 3,
  idleSeconds: 1,
  iterations: 4_000,
  junk: 50_000,
  zoneRecords: 100_000,
  forwardNames: 10_000,
  requests: 20_000,
  idleConnections: 2_000,
}
