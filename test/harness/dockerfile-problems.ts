/**
 * hadolint's rules as far as our Dockerfiles could break them, by the numbers that hadolint gives them, and its own comment to leave
 * one out: `# hadolint ignore=DL3018` before an instruction. hadolint itself comes from no registry that a test could install it from.
 */
import { type Instruction, DockerfileParser } from 'dockerfile-ast';
import { validate } from 'dockerfile-utils';

interface Rule {
  readonly code: string;
  readonly says: string;
  readonly breaks: (instruction: Instruction, before: readonly Instruction[]) => boolean;
}

const keyword = (instruction: Instruction) => instruction.getKeyword();
/** On one line, options first. */
const content = (instruction: Instruction) =>
  instruction
    .getTextContent()
    .replaceAll(/\\\s*\n\s*/g, '')
    .replace(/^\S+\s+/, '');
const words = (instruction: Instruction) =>
  content(instruction)
    .split(/\s+/)
    .filter((word) => !word.startsWith('--'));
const last = (instruction: Instruction) => words(instruction).at(-1) ?? '';

/** Each command of a RUN by itself. */
const commands = (instruction: Instruction): string[] =>
  keyword(instruction) === 'RUN'
    ? content(instruction)
        .split(/&&|\|\||[;|]/)
        .map((command) => command.trim().replaceAll(/\s+/g, ' '))
    : [];

const runs = (pattern: RegExp, lacks?: RegExp) => (instruction: Instruction) =>
  commands(instruction).some((command) => pattern.test(command) && !lacks?.test(command));

/** Names of packages, without the options before and between them. */
const packages = (command: string) =>
  command
    .replace(/^.*? (?:install|add)\b/, '')
    .split(' ')
    .filter((word) => word !== '' && !word.startsWith('-'));

const stagesIn = (before: readonly Instruction[]) =>
  before.flatMap((each) => / [Aa][Ss] (\S+)$/.exec(content(each))?.[1] ?? []);

const rules: readonly Rule[] = [
  {
    code: 'DL3000',
    says: 'WORKDIR is to be absolute',
    breaks: (each) => keyword(each) === 'WORKDIR' && !/^["']?[/$]/.test(content(each)),
  },
  { code: 'DL3003', says: 'WORKDIR instead of cd', breaks: runs(/^cd /) },
  { code: 'DL3004', says: 'no sudo', breaks: runs(/^sudo /) },
  {
    code: 'DL3006',
    says: 'an image has a tag',
    breaks: (each, before) => {
      if (keyword(each) !== 'FROM') return false;
      const [image = ''] = words(each);
      return !/[:@$]/.test(image) && image !== 'scratch' && !stagesIn(before).includes(image);
    },
  },
  {
    code: 'DL3007',
    says: 'latest is no version',
    breaks: (each) => keyword(each) === 'FROM' && /^\S+:latest\b/.test(content(each)),
  },
  {
    code: 'DL3008',
    says: 'packages of apt-get have versions',
    breaks: (each) =>
      commands(each).some(
        (command) =>
          /^apt-get .*install/.test(command) && packages(command).some((name) => !name.includes('=')),
      ),
  },
  {
    code: 'DL3009',
    says: "apt-get's lists are removed in the same layer",
    breaks: (each) =>
      runs(/^apt-get update/)(each) && !commands(each).includes('rm -rf /var/lib/apt/lists/*'),
  },
  { code: 'DL3014', says: 'apt-get install -y', breaks: runs(/^apt-get .*install/, / -(y|-yes)\b/) },
  {
    code: 'DL3015',
    says: 'apt-get install --no-install-recommends',
    breaks: runs(/^apt-get .*install/, /--no-install-recommends/),
  },
  {
    code: 'DL3018',
    says: 'packages of apk have versions',
    breaks: (each) =>
      commands(each).some(
        (command) => /^apk .*add/.test(command) && packages(command).some((name) => !/[=<>~]/.test(name)),
      ),
  },
  { code: 'DL3019', says: 'apk add --no-cache', breaks: runs(/^apk .*add/, /--no-cache/) },
  {
    code: 'DL3020',
    says: 'COPY instead of ADD for what is no address',
    breaks: (each) => keyword(each) === 'ADD' && !/\s(?:https?|git):/.test(content(each)),
  },
  {
    code: 'DL3021',
    says: 'COPY of more than one source ends in /',
    breaks: (each) => keyword(each) === 'COPY' && words(each).length > 2 && !/(^\.|\/)$/.test(last(each)),
  },
  {
    code: 'DL3022',
    says: 'COPY --from names an earlier stage',
    breaks: (each, before) => {
      const from = /--from=(\S+)/.exec(content(each))?.[1];
      return keyword(each) === 'COPY' && from !== undefined && !stagesIn(before).includes(from);
    },
  },
  {
    code: 'DL3025',
    says: 'CMD and ENTRYPOINT are JSON',
    breaks: (each) => ['CMD', 'ENTRYPOINT'].includes(keyword(each)) && !content(each).startsWith('['),
  },
  { code: 'DL3027', says: 'apt-get instead of apt', breaks: runs(/^apt /) },
  {
    code: 'DL3045',
    says: 'COPY to a place that is not absolute needs WORKDIR',
    breaks: (each, before) => {
      const isAbsolute = /^["']?[/$]/.test(last(each));
      const stage = before.slice(before.findLastIndex((one) => keyword(one) === 'FROM'));
      return keyword(each) === 'COPY' && !isAbsolute && !stage.some((one) => keyword(one) === 'WORKDIR');
    },
  },
  {
    code: 'DL4006',
    says: 'a pipe needs pipefail',
    breaks: (each, before) =>
      keyword(each) === 'RUN' &&
      /[^|]\|[^|]/.test(content(each)) &&
      !before.some((one) => keyword(one) === 'SHELL' && content(one).includes('pipefail')),
  },
];

/** One sentence each, with the line; also what is no Dockerfile at all. */
export function dockerfileProblems(text: string): string[] {
  const file = DockerfileParser.parse(text);
  const instructions = file.getInstructions();
  const lines = text.split('\n');
  const found = instructions.flatMap((instruction, index) => {
    const line = instruction.getRange().start.line;
    const ignored = /^# hadolint ignore=(\S+)/.exec(lines[line - 1] ?? '')?.[1]?.split(',') ?? [];
    return rules
      .filter(
        ({ code, breaks }) => !ignored.includes(code) && breaks(instruction, instructions.slice(0, index)),
      )
      .map(({ code, says }) => `line ${line + 1}: ${code} ${says}`);
  });
  const user = instructions.findLast((each) => keyword(each) === 'USER');
  const userLine = user?.getRange().start.line ?? 0;
  if (
    /^(root|0)\b/.test(user === undefined ? 'root' : content(user)) &&
    !lines[userLine - 1]?.includes('DL3002')
  )
    found.push(`line ${userLine + 1}: DL3002 the last user is not root`);
  return [
    ...validate(text).map(({ range, message }) => `line ${range.start.line + 1}: ${JSON.stringify(message)}`),
    ...found,
  ];
}

/** What the shell is given, a RUN each. */
export function shellLines(text: string): string[] {
  return DockerfileParser.parse(text)
    .getInstructions()
    .filter((each) => keyword(each) === 'RUN')
    .map((each) => each.getArgumentsContent() ?? '');
}
