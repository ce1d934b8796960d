/** What operations have alike is described once. */
import { describe, expect, it } from 'vitest'
import { folded } from '../../src/admin/forms/description.ts'

const limit = { name: 'limit', in: 'query', schema: { type: 'integer' } }
const problem = (description: string): object => ({ description, content: { 'application/problem+json': {} } })
const described = {
  openapi: '3.1.0',
  components: { schemas: { Problem: {} } },
  paths: {
    '/a': {
      get: { parameters: [limit], responses: { 200: { description: 'a' }, 404: problem('no a'), 503: problem('off') } },
      put: { responses: { 204: { description: 'done' }, 404: problem('no a'), 503: problem('off') } },
    },
    '/b': {
      get: {
        summary: 'b',
        parameters: [limit, { ...limit, name: 'if-match' }],
        responses: { 200: { description: 'b' }, 404: problem('no b'), 503: problem('off') },
      },
      delete: { responses: { 404: problem('no b') } },
    },
  },
}

describe('a description', () => {
  const done = JSON.parse(JSON.stringify(folded(described)))

  it('refers to what more than one operation has, and has the rest where it was', () => {
    expect(done.components).toEqual({
      schemas: { Problem: {} },
      responses: { NotFound: problem('no a'), ServiceUnavailable: problem('off'), NotFound2: problem('no b') },
      parameters: { Limit: limit },
    })
    expect(done.paths['/a'].get).toEqual({
      parameters: [{ $ref: '#/components/parameters/Limit' }],
      responses: {
        200: { description: 'a' },
        404: { $ref: '#/components/responses/NotFound' },
        503: { $ref: '#/components/responses/ServiceUnavailable' },
      },
    })
    expect(done.paths['/b'].get.parameters[1]).toEqual({ ...limit, name: 'if-match' })
    expect(done.paths['/b'].get.summary).toBe('b')
  })

  it('with all that is referred to put in again is the one that was folded', () => {
    const whole = (value: unknown): unknown => {
      if (typeof value !== 'object' || value === null) return value
      if ('$ref' in value) {
        const [room = '', name = ''] = String(value.$ref).split('/').slice(-2)
        return whole(done.components[room][name])
      }
      if (Array.isArray(value)) return value.map(whole)
      return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, whole(member)]))
    }
    expect(whole(done.paths)).toEqual(JSON.parse(JSON.stringify(described.paths)))
  })
})
