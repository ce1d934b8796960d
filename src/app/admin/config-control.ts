/** The configuration as the API shows it: each setting with where it comes from. */
import type { ConfigControls, ConfigView, SettingEntry } from '../../admin/config-controls.ts'
import type { ControlsOf } from '../../admin/controls.ts'
import type { Config, SettingOrigin } from '../../config/types.ts'
import { problemText } from '../../render/problem.ts'
import type { ConfigChanges, Running } from '../revisions/config-changes.ts'
import { allSettings, valueAt, whyFixed, withoutSecrets } from '../revisions/config-overlay.ts'

export function configControls(served: Running & { readonly settings: ConfigChanges }): ControlsOf<ConfigControls> {
  const { settings } = served
  return {
    configuration: () => viewOf(settings, served.config()),
    changeConfiguration: request => settings.change(request, served),
    configurationRevisions: () => settings.facts(),
  }
}

function viewOf(settings: ConfigChanges, config: Config): ConfigView {
  const read = settings.read()
  const fresh = read?.kind === 'config' ? read : null
  const isOther = (path: readonly string[]): boolean =>
    fresh !== null && JSON.stringify(valueAt(fresh.config.raw, path)) !== JSON.stringify(valueAt(config.raw, path))
  return {
    file: config.file,
    revision: settings.revision,
    etag: settings.tagOf(config),
    settings: allSettings().map((setting): SettingEntry => {
      const { path, schema } = setting
      const origin = fresh?.originOf?.(path) ?? { kind: 'default' }
      return {
        path: path.join('.'),
        value: withoutSecrets(valueAt(config.raw, path) ?? null),
        default: withoutSecrets(schema.default ?? null),
        source: origin.kind,
        where: whereText(origin, config.file),
        takesEffect: schema['x-takes-effect'] ?? 'reload',
        isPending: isOther(path),
        fixed: whyFixed(setting, origin),
        description: schema.description ?? '',
      }
    }),
    problems: read?.kind === 'invalid' ? read.problems.map(problemText) : [],
  }
}

function whereText(origin: SettingOrigin, file: string | null): string | null {
  switch (origin.kind) {
    case 'default':
      return null
    case 'file':
      return `${file ?? ''}:${origin.line}:${origin.column}`
    case 'environment':
    case 'flag':
      return origin.label
    case 'api':
      return 'the API'
    default:
      return origin satisfies never
  }
}
