/** Code under test: asks a service for a price, and its stand-in when the first is not to be had. */
export async function priceOf(article: string, port: number): Promise<number> {
  for (const host of ['prices.internal', 'prices-standby.internal']) {
    for (let attempt = 1; attempt <= 2; attempt++) {
      try {
        const response = await fetch(`http://${host}:${port}/price/${article}`)
        if (response.ok) return Number(await response.text())
      } catch {
        // Once more, then the next.
      }
    }
  }
  throw new Error(`no price of ${article}`)
}
