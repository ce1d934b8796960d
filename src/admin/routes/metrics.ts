/** `/metrics` for Prometheus and what reads the same. */
import { createRoute, z } from '@hono/zod-openapi'
import type { AdminContext, App } from '../context.ts'
import { FAULTS } from '../forms/schemas.ts'
import { metricsPage, wantsOpenMetrics } from '../metrics/registry.ts'
import { udpDrops } from '../metrics/udp-drops.ts'

export function metricsRoutes(app: App, { remote }: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/metrics',
      summary: 'Metrics in the text form of Prometheus, or as OpenMetrics by Accept; from loopback without a token.',
      security: [{ token: [] }, {}],
      responses: { 200: { description: 'The metrics.', content: { 'text/plain': { schema: z.string() } } }, ...FAULTS },
    }),
    async c => {
      const numbers = await remote.numbers()
      const readings = { ...numbers, udpDrops: udpDrops(numbers.udpPorts) }
      const { text, contentType } = await metricsPage(readings, wantsOpenMetrics(c.req.header('accept')))
      return c.text(text, 200, { 'content-type': contentType, 'cache-control': 'no-store' })
    },
  )
}
