import { ServiceError } from '@stint/common/errors.ts';
import type { ExplainDecisionResponse__Output } from '@stint/common/gen/stint/broker/v1/ExplainDecisionResponse.ts';
import { plainText } from '@stint/common/plain-text.ts';
import { services } from '@stint/common/proto.ts';
import { fromDuration } from '@stint/common/proto-time.ts';
import { formatDurationMs } from '@stint/common/time.ts';
import type { Command } from 'commander';
import { contextOption, readSpiffeId } from '../arguments/option-values.ts';
import { withFix } from '../cli-error.ts';
import type { CommandSession } from '../command-session.ts';
import { exitCodes } from '../exit-codes.ts';
import type { Runner } from '../run-command.ts';
import type { Painter } from '../terminal/colors.ts';
import { describeCommand } from '../terminal/command-help.ts';
import { renderFacts } from '../terminal/table.ts';
import { wrapText } from '../terminal/wrap-text.ts';
import { pathText } from '../views/path-text.ts';

type ExplainOptions = {
  readonly as?: string;
  readonly reason: string;
  readonly context: Readonly<Record<string, string>>;
};

/** Adds `stint explain`. */
export function addExplainCommand(program: Command, run: Runner): void {
  const command = program
    .command('explain <resource> <action>')
    .option('--as <spiffe-id>', "whose question it is (default: the sidecar's own identity)", readSpiffeId)
    .option('--reason <text>', 'what would be said to be why, for rules that look at it', '')
    .addOption(contextOption())
    .action(
      run<ExplainOptions>(async (session, { args: [resource = '', action = ''], options }) => {
        const spiffeId = options.as ?? (await ownIdentity(session));
        const broker = await session.channel('broker');
        const { reason: justification, context } = options;
        const request = { resource, action, justification, context: { ...context } };
        const answer = await broker.call(services.admin.ExplainDecision, { spiffeId, request });
        const question = `${spiffeId} asks for ${action} on ${resource}`;
        session.output.result({
          json: { spiffe_id: spiffeId, resource, action, ...explanationJson(answer) },
          table: (paint) => explanationText(answer, question, paint),
        });
        return exitCodes.ok.code;
      }),
    );
  describeCommand(command, {
    purpose: 'Say what policy would answer, and why',
    examples: [
      'stint explain demo-db write',
      'stint explain demo-db write --reason "INC-7, repair"',
      'stint explain demo-api deploy --as spiffe://stint.local/demo/ci-deploy',
    ],
    notes: [
      '✓: the condition holds. ✗: it fails. ·: it was not looked at.',
      'Nothing is granted and nothing is recorded. The exit code is 0 for either answer; JSON has "decision".',
    ],
    next: ['stint request RESOURCE ACTION --reason TEXT', 'stint registry list', 'stint policy reload'],
  });
}

/** @throws CliError IDENTITY_NOT_READY while the sidecar has none. */
async function ownIdentity(session: CommandSession): Promise<string> {
  const sidecar = await session.channel('sidecar');
  const { spiffeId, outage } = await sidecar.call(services.sidecar.GetStatus, {});
  if (spiffeId !== '') return spiffeId;
  const fault = outage === '' ? 'the sidecar has no identity yet' : outage;
  throw withFix(
    new ServiceError('IDENTITY_NOT_READY', fault),
    'name whose question it is: --as SPIFFE_ID; stint registry list shows who there is',
  );
}

function explanationJson(answer: ExplainDecisionResponse__Output): object {
  return {
    decision: answer.decision,
    rule_ids: answer.ruleIds,
    deny_reasons: answer.denyReasons,
    ttl_max_ms: fromDuration(answer.ttlMax) ?? null,
    nearest: answer.nearest.map(({ ruleId, location, conditions }) => ({
      rule_id: ruleId,
      location,
      conditions: conditions.map(({ text, outcome }) => ({ text, outcome })),
    })),
    policy_sha256: answer.policySha256,
  };
}

function explanationText(answer: ExplainDecisionResponse__Output, question: string, paint: Painter): string {
  const isAllowed = answer.decision === 'allow';
  const ttlMaxMs = fromDuration(answer.ttlMax);
  const facts = renderFacts(
    [
      ['question', question],
      ['answer', { text: answer.decision, paint: isAllowed ? 'green' : 'red' }],
      ...answer.ruleIds.map((id): [string, string] => ['by rule', id]),
      ...answer.denyReasons.map((reason): [string, string] => ['because', reason]),
      ['at most', ttlMaxMs === undefined ? undefined : formatDurationMs(ttlMaxMs)],
      ['policy', answer.policySha256],
    ],
    paint,
  );
  const allowing = isAllowed ? answer.ruleIds : [];
  return facts + answer.nearest.map((rule) => ruleText(rule, allowing.includes(rule.ruleId), paint)).join('');
}

const outcomeMarks = {
  holds: { mark: '✓', paint: 'green' },
  fails: { mark: '✗', paint: 'red' },
} as const;

type NearRule = ExplainDecisionResponse__Output['nearest'][number];

function ruleText(rule: NearRule, isDecisive: boolean, paint: Painter): string {
  const { width = Number.POSITIVE_INFINITY } = paint;
  const place = plainText(pathText(rule.location, process.cwd()));
  const verb = isDecisive ? 'allows it, for' : 'would allow it if';
  const [first = '', ...rest] = wrapText(`${plainText(rule.ruleId)} (${place}) ${verb}`, width - 5);
  const head = [`\nrule ${first}`, ...rest.map((line) => `     ${line}`)].map((line) => `${line}\n`);
  const lines = rule.conditions.map(({ text, outcome }) => {
    const known = outcome === 'holds' || outcome === 'fails' ? outcomeMarks[outcome] : undefined;
    const words = wrapText(plainText(text), width - 4).join('\n    ');
    return `  ${paint(known?.mark ?? '·', known?.paint)} ${words}\n`;
  });
  return [...head, ...lines].join('');
}
