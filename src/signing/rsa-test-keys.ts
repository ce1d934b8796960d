/**
 * RSA key pairs for zones that are signed in tests and in the demo. PUBLIC TEST KEYS: the private halves are here for
 * everybody to read, so that equal internets have equal keys (drawing RSA keys from a seed would take a second each).
 * They protect nothing and must never sign anything else. 2,048 bits, PKCS #8 (RFC 5958) in DER, base64.
 */

/** Two to choose from for keys that sign the zone, two for keys that sign keys. */
export const rsaTestKeys: Readonly<Record<'zsk' | 'ksk', readonly [string, string]>> = {
  zsk: [
    [
      'MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQC/eeJR5ZtVOnSexQvH9aDJm520imc+UihhAru/edVswjCMVxuTj5eC+hzvUmvBNs2Nyh89rLlmEpTi1WiPSrxEMGcn',
      '5WmD8RpAXGlJbmC+P7xaJt5JyoQCeVcFERdOSmgGbQwCSf/pqzWaGL6USC6nVz4VOEC73bKAH7Ok22of767KhYATIGqzXODHgOcdkaIwS/vMmC9/5c5e1KBWiHCBPfTdz3L3IfWyHq7g',
      'xr/nCjNIKiBkE2YhxUyz33dVV4BNb0x0hNElHdZaPdyxm15qJqwC0cOxPRxEyCRVqoXEHtCogRuWxHSBrMEM+rv70+GSFWwBFMUvEtC0KEcuUbp5AgMBAAECggEAPNhE4ERnp14jd95i',
      'v4Bgvx/5rci7RRUDasxdD9vtw5kzpyz5ANuEyGSlNDGLN0Msb42Wftk3suVdtXUePEaB6+M7rHRcosZHUsNq26A9EsebGUS3p1g4ubaIPf5v2vuO8dfOFJ4iOcUji9uoF+OWG6v/+Os+',
      'utQYqFkqk0z7/Lh2i9PVSLFODtZZeIeeb1OUx+pSs2bDIlrUqmGtt0OPVWMSKJHzJlF0dk5L3sOz6cRGhpLXbBVYQRq51uSi15t6b08nq6oXUkAGrJYX3gepQm6ceXsGgKjp8xdOypES',
      'WINGzW/485CfxPgtPBZjHaWMShskeKoVLeF6MlIkf8YozwKBgQDzQsm1KsRKQgG0K+Qn1MGLrH8vWrE6rneX/HmPCJXlkCs85+UYh8lSWp6b6pD2nixsFt2YauNvoQ8+XPqeIR2c39Vq',
      'CFmwp7Kithb0J6m+RsOVwKc52e35vupooVfLrM2vo+LNCIVemi9z+D4KO8sl24kGFQ0UH5rC4vQUiMW0XwKBgQDJgNt5uIDr7uCTfhDdHonPSQipiYqVPdPJP2jjsxZ16OAHh22TBU8N',
      'cT53V7Ii4TmTZ9Y4ihVWzcYazw+OaBQf+/RoVzAZdeKgH0pADf2oDbRXormGw/+Zqbbj1c9YLecxhKxjsT4arDJYJbMMW89zTsGq0YB8rQWFzUQedpTAJwKBgHBZXEdr5RRWv+qyisFK',
      'pckYdfUs8cWkZl+vn4TL9k778rxCbbCSpgx/BdoEz8bW7rVNKjMGytv3is7Gqoj1ynN1fV9nU+UezoYPizJgTykuDY7QV2uEl0BNSH3iZmYO/UAtdMY1NUOn+lqZQC4Bx6VIa1R/zHaK',
      '0jNIFmqVcJoJAoGBAJGkon4LHpvpT8crgnLgZMk/R5SKxnDyfEZkn6Kcyeo1hN/MQiXW23mi1XybFTVixyPFFLBPFfdkygCMkvjiP1GS4egcxLZSX5hOpXNA6YtzRFtnUWOX/QILChcJ',
      'blGU9Br1g0iXToUm20idDxoqrfnw/chCnvT+dhRs9gRyvzdXAoGBAMBKKliGsAFIIDizF8Ebs2EPswzFWpBX7boNoONgI5zUruZ8SDSXuJ19cBHq5g4g+xI1NIhrYna/t2+7+YmjFx+z',
      'UsQ2OjOI/zP2fRtvc9fVUX74HJl0lL7mlML9MGTOwqAx4X3ruYsYy77fF9A9has+AaNkAA7bHx9OFmwIA3jc',
    ].join(''),
    [
      'MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQCxyjX57azrAd3Oe/KOnMNvGN5jT03DeYuGBRwOBI6bghXG9T9M69wniM5fiBZSgde4oBEWLEut0Fb4wJGyPGib+YPm',
      'yKABdboQNCEiiAOCM3uJqZ2nYKw4OXKp8TlAUfsSJR3YSQ5JDHkR/SbjGOqnLXRQai2tkEcuMaIIoQerWF5gkdj2e2Zyal1YGUfX0JHJBNgyMJHgJ8hZkbyyaUcq0GqNiIPubS7z5RDO',
      'ibcR/ReESTxs0oOJgULqxsO54xEyReO1Ie0TMnOmpxdP/QpHKMXmrMrsaXpwlrE+PFJSg7wuEdOoSrPaw5JIrW4buYNOzztOl9wBsPb4AIN7/3ZXAgMBAAECggEAEIAue0hCVLtjHS9m',
      'xzKods6tkTUCiCJnPySJQonMvIUZxVHsspRvZeHuGXK1c6nmXhXJEDBDQ9oCwGqK+ypdISDKy6gSJaCKCMf1zVEnVjW2AQRTg/3Wbg9y42/meuBA96GnP/Qj1cbJE9DVg51D5gkzcuUv',
      '4RxzZsenfLqJTi8o4NRBYNwVGJ/JIfgv80qFQBwUFwKfWBtfLqm/9g52eoXez5AK30rpGtVTFh0mvhzQ8gtVhu/8v6aLdyPLygPpHLhP640hv46Ms18VKay7SLBz1RKRYpWOPEBNPXUR',
      'ZLhsPXa1wnh72hTCnEpT+6gy+uoMgFPjujW7EK4VOPXBGQKBgQD4PEOzA2YtO88+I0RByoYIfEjbtJIUUjl1H2DkT5hm6dojfVFtTom6uAMjZTWa9aH7YGToXQtR/8R71bh0v/HUSrUw',
      'w4v48Q6YtRHywNCIsgFen/08bM8zsJjVsZYfxamMRZ5lmXPfgHRDT2XEEr9NbYROYSYLPOb6QPDqmyOXnwKBgQC3WdtIDpbLChT0qm72tjZf29HM7XV7Wy9RWllOvtgtQRg6gL5XPIyL',
      '9hUm3TUuYwpHDgP0V5nAcR/pNTM4/ko/ooCIBQybqBKL17qJWV5smuj3DCqqatsUECrpw6UsLssfDnq+atVM/sOGvPhxcszFT6AChhoqPlc+aws5YQSGSQKBgQDcCx+/2a2DP1dQL5bb',
      '8xipAPLcvs4W8WQ5bF1JRT1FTNqvRvEdQddZCrDNeXPxLvgtip8oUwIr59tWIndmFpfZpXfECDNVsulLeIa2dzDjW1dXd97U52cs3Mg99TOsal0HGNd2HHbYkld9Ky58hlnJ2uDDUd6V',
      'a6EcCOEGNgtw5QKBgGtFaDT9TB4YlPAccvVm3+MvkczKtSxpygJX0N5wa7v2VL2Nq08Qvs34OKHXVBECovW1bnzbb7oWtWvU01Yp+LjIU1jBU4ISUF9+5MUNA2CZNWmstZ2lDO3tE55W',
      '9+Eks3RFHW0gxhDZEP5YuyZs2v8pud0gJljGxnZfXF7Cs0n5AoGBAJBrfGK8fCegbreow+cJ99x2LcNOe+Nr8CkouejQDP/8PeDTDdcGkJYPLwLTS4ajkcKr7URtrNir+dAAT09OVed1',
      '6FA2Hag3gBntujr4bgNxhmzYNhSIS6oj5SMsCyn31A5W77/XQphsXOf/pYaPTgadWKdSmyCF+g3/lA/XXDF5',
    ].join(''),
  ],
  ksk: [
    [
      'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC/+8i/FosehqQtsMGtGez52vSnQenNICgYuvpwc+rYY+oYO2U6Wr0yuCxYUJ3fVfpvXiws1WthDNukGWQnNrI3EoJ7',
      'YBF0remlC67k3H5dIqAC2ZvHzual5TdS4m1rrT25cveMhjbMSubyxlfKuxZaXpuesmtk9pQiej/lEJnRXZnRrfg3WqmtMEfQW9/KqAv56XYIRTbNTZN487k15fohkeATg5FfUHEuKfVO',
      'HGMnfCOBe5taJbN3lRR/zHzBWzwzWycig+MDNuIzge83/e/CwOt7GDjEE+Sakwcxvxf2eUQ4u03aDWZTUBgbg5hapapOihF7cGYYpAsIrojJ0Pm5AgMBAAECggEAFZURFsZKgnaBa2+E',
      '/lg9R0NhoJHs3jYAu/L9J3ooiwYEcY/vy9UakuKYfZ8meE56ll2AWtPtO95NrM977lqcQ0ut5n/AxpysePTsxuawv/ieA2QCOr6cOEch5ov04Bd8KmZtxNrruyCqgN1iTjSlCSi8luUY',
      '5KNBuPSETVSF7j7FIvzCB/htKgSVLB/B8PJKoqzliGEeAkX7QTS7Eb31KoNMHa6QSms07E1njFGYrN0dMrufT24TGoH1w88ybPeWWqHMTHOn9GiqAVinJmURuCDtt7/ieywELjvIn/SX',
      'HOiqOgZmQjJ5PqZeWSTfyHZgUOzjaYqTCn+/t/PzIeoo5wKBgQDmvZh1loqeHto8/A9BSTnuEuft5oUFggMvROLnw4zJY2bOQcO+sIKaJbJGbhCJqXRU18rjQbUJZZx1lYsY1J7fFgb6',
      '1rQ1+mdH5JW24xJLJWaZdpkE19WjTpkccTZ7uG1hrsPKm1zlWlRvpcsunedHfGoJ0s5fcSfLwBVv4A1P/wKBgQDVAAnei0DmPUwLvi9k/evYwa+2VgXP/QXaAdtDXcbxUBcjOnicCyCh',
      'c9wXIFu7zV2dA7EZjz6pdZJikTMeUgX/z4q6gfvTUtXydioJEukaPpMeuXlf6SsLhE19KyFtFyeXUm+6ZxenI1pyz0p5tZSKbBDDoEtG2N5QSQs9KMA2RwKBgQCLZO692vxTGgBt5ziw',
      'EDTXBsTmi+TAtxKFc/BAY3qiD1MEN+axRKEhzrQsqEGFaMHGn7cKI5/i1Wf4ASfPEGQKEZyV3S9xjJzoaceofPWIQEgDXgqDSoDd75XAAQURKRGreZD+zW0JgdCQwnBE8U/Pd/H3jUrv',
      'jcSk6p4IwCpKsQKBgHaRuOy7U/tW7/gxfKyZdSqKV0gHBuFLFnDPS8FqeI5oaRjhObaTsyxtFH2DM82NeqknHvT9eoJWwpBAB9a/DjviynUcWpS+rf50rN20OzKy1q7pzJkJcT7N/VzK',
      'H6dcllt0NmHrdY1C7tyua+ToobGUiph7qKvdmZPTtX/sKWONAoGAGv4WDOJRgZPK7rZme/I7rdOMAd+KsgWYnEslhsKcjUJ8QjRUMsJpeNVp4Hzle4bjNPvc0ZAheSRzCXTZnFryrmUU',
      'fWINefTLRZZANWbphHdE58pJ3nO+ZNuPkDty4SgjvVNDi3O9m4DPKKOJuY//zfXGxvftR3k2D8B0Anw63Rg=',
    ].join(''),
    [
      'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC81e6z/5wccIOETx1xuC/GjgF49ZMHdbLjqZgaf2lFWuvQtDYpFwYEQ1LqVgQj8ypGo30hpEhfO895sX8Gq5CA0jFa',
      'wC6WBdcMJu+XZ6MVaDu2cDHJlLSZfBcObkmoa7ZAhlNZOlH1C7TY4mQVvk8QdYure+2aoONQqQN5BCF4jyUsnSNjLnFyNQZlVrvlqjyZMuPaxCVgxgmpRkE/DG6hnGw6Qs9YzLTK0FC8',
      'D0OKKs2aMieERdgY65lJS/suvujeFljY4kzLZWnwCy/P9HT4KmwK4eeXd0Ut8GFB88Pz2mSrciUoqqYl35J6rR/6TR+DjbE511t7c1km11vM7BenAgMBAAECggEALYaGHe8p+9FEY8mP',
      'F7OIER57TGYoJExD7I8elITTJF1fLNnFlPJwCOcSPlyuctxU/OK9cDbjG9KXmocoULtcAzKpo29hy9lslwlsCdx6fNa8TqeN2UN4pug7xsbgCzKspbG8tm5RA/rmhsNNzdArz5QHMDiY',
      'eAcBxph4tdxBFYdDLz36hNUf7L/csziR+A3WGWQ/+kYWHIK4+UM9JN7tJw28UF8HFHXr5vd869fF8Ib0Ur9XOjaGkKOroj0geyENPXpDG58Bh3KFVNc9VTMbETkQwK6x3T3DTu6DaA2E',
      'aNS2AUFqDjmN9moLa0WQ4nIdkG3at9lIDinTLioau983QQKBgQDfn1NojyfIcDrRiaeSHYxQXFa9pt7sXAxQVGO9r60p+uMEKI5U2qOZ3Ltm58v+shfvU1ay12dLBWd/NPzBN63MABfs',
      'XHs9bm6eT6ZgEcFsCT5OQhg9YjLBt62Wt73UVS+JVO1O7K/qVqGo0nozE+1vZSAJuD9ZWVkC8Pf4M1SpYwKBgQDYLTh2Nqw838LVy+ovmsDBeb5Qe5tVO8zy0YLhRhIcgHCBYDNitz33',
      '2nRAO11LMMjGybbe8E7rUt02HHaWQCXYlMQ2/LE/vI7kZPQi4yJPPzhNEUEiLDND3zlKf5EdypcsYjGyVdhRAMG08e/YKRRg4TEzRimz+y+zy+MiLK3N7QKBgAd1fwi7za3n4G5g0xAS',
      'oD2F9va4fDMSFu8PAYywMWx3C991otm9uTtGm5GhJbLHKfk3pGquuKlN8tfRYqTnQIrPbfzaUNoJtvLc4UXPEc6SuFtP5RMXFW5UvBuM4W4VsVI5XPkG+A8u+JFzA9R0U7UlgF4SoTpP',
      'uqJYe0zyGV7VAoGAaGfOsSlOnkfjraZCgKNZHRhTVkOcjdnH7i5J68sPzDwsGhAAQVkG0MHtC2igckQpc/jQHXQqaXUn6Y5tp7tri+KtsXDxmjrTOHOZhY/1bhi2dGI09vAqAkm5PcXG',
      'rIC/6muyXNMhGl4nL+D5WYjdkrywKndkhMx4CXobRNIXTzECgYEAk+UlbFqMoPd3PovTtXurKwxoHC1iF+bEQgkgGINespADAAcFB5PukTqW8i8kbCnMpcOi/yxg28CUjIr8+Ej1gJ2n',
      'EPp2sR/NLR+hyWQ3+2WYOUNSKCrjsASsP1HtsW/pDhbbrnswbvtZLjp+oCTWyX9THZbaKs1t2dHYdxyyDxg=',
    ].join(''),
  ],
}
