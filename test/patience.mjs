// @ts-check
/**
 * How long tests wait for what they expect. They wait for conditions, so that a long bound costs nothing where all is
 * well: the bounds are those of a machine whose cores are taken by others. ROOTWALK_TEST_PATIENCE=5 multiplies them
 * all, for a machine that is slower still.
 */
const factor = Number(process.env.ROOTWALK_TEST_PATIENCE ?? 1)
if (!(factor > 0)) {
  throw new Error(`ROOTWALK_TEST_PATIENCE: expected a number above 0, found ${process.env.ROOTWALK_TEST_PATIENCE}`)
}

/** `ms` times ROOTWALK_TEST_PATIENCE. @param {number} ms */
export const patientMs = ms => Math.ceil(ms * factor)

/** For one test, and for what goes before and after it. */
export const TEST_MS = patientMs(60_000)
/** For one that compares with other servers, many questions long. */
export const LONG_TEST_MS = patientMs(300_000)
/** For a condition: less than a test, so that the failure says which one did not come true. */
export const CONDITION_MS = patientMs(20_000)
/** For a program that a test runs to its end. */
export const PROGRAM_MS = patientMs(40_000)
/** For `expect.poll` and `vi.waitFor`. */
export const PATIENT = { timeout: CONDITION_MS, interval: 20 }
