import type { Config } from '../../process/config.ts';
import { validationError } from '../../domain/errors.ts';
import { openAddressGuard, type AddressGuard } from '../guard/address-guard.ts';
import { fillWithSamples, findBodyTemplateProblem, findTemplateProblem } from './postback-request.ts';
import { findUnfilledWord } from './template-spellings.ts';

/**
 * Why a postback's URL template cannot be used, or null: its macros, its form, or an address that the guard refuses.
 */
export async function findPostbackUrlProblem(guard: AddressGuard, template: string): Promise<string | null> {
  const problem = findTemplateProblem(template) ?? findUnfilledWord(template);
  if (problem) return problem;
  const check = await guard.checkDestination(fillWithSamples(template));
  return check.ok ? null : check.problem;
}

/** Throws VALIDATION_ERROR (`postbackUrl`) for an affiliate's template that cannot be used. Null and absent pass. */
export async function assertPostbackUrl(
  config: Pick<Config, 'outboundAllowCidrs' | 'outboundAllowHttp' | 'publicUrl'>,
  template: string | null | undefined,
): Promise<void> {
  if (template === null || template === undefined) return;
  const problem = await findPostbackUrlProblem(openAddressGuard(config), template);
  if (problem) throw validationError(`postbackUrl ${problem}`, { postbackUrl: problem });
}

/** Throws VALIDATION_ERROR (`bodyTemplate`) for a body that cannot be sent. */
export function assertBodyTemplate(method: 'GET' | 'POST' | undefined, bodyTemplate: string): void {
  if (method === 'GET') throw validationError('A GET request has no body', { bodyTemplate: 'needs method POST' });
  const problem = findBodyTemplateProblem(bodyTemplate) ?? findUnfilledWord(bodyTemplate);
  if (problem) throw validationError(`bodyTemplate ${problem}`, { bodyTemplate: problem });
}
