/** `completion`: what a shell needs to complete the words of `rootwalk`. */
import type { Argv } from 'yargs'
import { type Choose, type CliContext, text } from './options.ts'

export function addCompletion(cli: Argv, around: CliContext, take: Choose): void {
  cli.command(
    'completion [shell]',
    'Print a completion script for bash, zsh or fish',
    command =>
      command
        .positional('shell', {
          type: 'string',
          choices: ['bash', 'zsh', 'fish'],
          describe: 'For which shell (default: the one of $SHELL, else bash)',
        })
        .example('source <($0 completion bash)', 'For this shell; in ~/.bashrc for all')
        .example('$0 completion zsh > ~/.zfunc/_rootwalk', 'Where fpath has ~/.zfunc')
        .example('$0 completion fish > ~/.config/fish/completions/rootwalk.fish', 'For fish'),
    argv =>
      take(async () => {
        const { runCompletion } = await import('../completion.ts')
        return runCompletion(text(argv.shell), around.environment.SHELL, around)
      }),
  )
}
