/**
 * Numbers as text for Prometheus, in its own form or as OpenMetrics. The library escapes and lays out; what it would
 * count it is given whole. The only place that knows `prom-client`.
 */
import { Counter, Gauge, Histogram, type OpenMetricsContentType, Registry } from 'prom-client'
import { METRICS } from './definitions.ts'
import type { Metric, Readings, Sample, Spread } from './metric.ts'

/** By the `Accept` of the request: what a client does not ask for by name it may not understand. */
export const wantsOpenMetrics = (accept: string | undefined): boolean =>
  /(?:^|,)\s*application\/openmetrics-text\b/i.test(accept ?? '')

export interface Page {
  readonly contentType: string
  readonly text: string
}

/** Made for each page: a scrape comes every few seconds, and two at once must not mix their numbers. */
export async function metricsPage(readings: Readings, isOpenMetrics: boolean): Promise<Page> {
  // The types of the two forms differ in their content type alone.
  if (isOpenMetrics) {
    const registry = new Registry<OpenMetricsContentType>()
    registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
    for (const metric of METRICS) registry.registerMetric(loaded(metric, readings))
    return { contentType: registry.contentType, text: await registry.metrics() }
  }
  const registry = new Registry()
  for (const metric of METRICS) registry.registerMetric(loaded(metric, readings))
  return { contentType: registry.contentType, text: await registry.metrics() }
}

function loaded(metric: Metric, readings: Readings): Counter | Gauge | Histogram {
  const { name, help, labels } = metric
  const config = { name, help, labelNames: labels, registers: [] }
  switch (metric.kind) {
    case 'counter':
      return withSamples(new Counter(config), metric.read(readings), (to, { labels: at, value }) => to.inc(at, value))
    case 'gauge':
      return withSamples(new Gauge(config), metric.read(readings), (to, { labels: at, value }) => to.set(at, value))
    case 'histogram':
      return new LoadedHistogram(name, help, labels, metric.read(readings))
    default:
      return metric satisfies never
  }
}

function withSamples<M>(to: M, samples: readonly Sample[], put: (to: M, sample: Sample) => void): M {
  for (const sample of samples) put(to, sample)
  return to
}

/** One whose counts were made elsewhere: the library's own counts single observations only. */
class LoadedHistogram extends Histogram {
  readonly #spreads: readonly Spread[]
  readonly #name: string
  readonly #help: string

  constructor(name: string, help: string, labelNames: readonly string[], spreads: readonly Spread[]) {
    super({ name, help, labelNames, registers: [], buckets: [...(spreads[0]?.bounds ?? [])] })
    this.#name = name
    this.#help = help
    this.#spreads = spreads
  }

  /** What the library makes its text from. */
  async getForPromString(): Promise<LoadedValues> {
    const values = this.#spreads.flatMap(({ labels, bounds, counts, sum }) => {
      let count = 0
      const buckets = counts.map((n, at) => {
        count += n
        return { metricName: `${this.#name}_bucket`, labels: { ...labels, le: bounds[at] ?? '+Inf' }, value: count }
      })
      return [
        ...buckets,
        { metricName: `${this.#name}_sum`, labels, value: sum },
        { metricName: `${this.#name}_count`, labels, value: count },
      ]
    })
    return { name: this.#name, help: this.#help, type: 'histogram', values }
  }
}

interface LoadedValues {
  readonly name: string
  readonly help: string
  readonly type: 'histogram'
  readonly values: readonly {
    readonly metricName: string
    readonly labels: Readonly<Record<string, string | number>>
    readonly value: number
  }[]
}
