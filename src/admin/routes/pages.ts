/** The dashboard: one page, and the files that it names. Whoever reaches the address may load them; data needs more. */
import type { AdminContext, App } from '../context.ts'

/** A year, and it never changes: a change has another name (RFC 8246). */
const FOR_EVER = 'public, max-age=31536000, immutable'

export function pageRoutes(app: App, { pages, settings }: AdminContext): void {
  const { pathPrefix } = settings()
  // Typed without the slash at its end: what the page names is looked for next to it.
  if (pathPrefix !== '/') app.get(pathPrefix.slice(0, -1), c => c.redirect(pathPrefix, 308))
  app.get('/:file{(?:index\\.html|favicon\\.svg|assets/[\\w.-]+)?}', async (c, next) => {
    const page = settings().dashboard ? pages.find(c.req.param('file')) : undefined
    if (page === undefined) return next()
    const headers = {
      'content-type': page.type,
      etag: page.etag,
      'cache-control': page.isHashed ? FOR_EVER : 'no-cache',
      vary: 'Accept-Encoding',
    }
    if (c.req.header('if-none-match') === page.etag) return c.body(null, 304, headers)
    const takesBrotli = /\bbr\b/.test(c.req.header('accept-encoding') ?? '')
    return page.brotli !== null && takesBrotli
      ? c.body(page.brotli, 200, { ...headers, 'content-encoding': 'br' })
      : c.body(page.plain, 200, headers)
  })
}
