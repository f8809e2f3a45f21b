import { compileCidrs } from '../../http/client-address.ts';
import type { PostbackSettings } from '../../program/sources.ts';
import { renameFields, type FieldNames } from '../fields/names.ts';
import { buildStatusTable, ownStatuses, type StatusTable } from '../fields/statuses.ts';
import type { FunnelEventType } from '../fields/to-fact.ts';
import { findPreset } from './presets.ts';

/** A source's settings in the form that its requests need, compiled once for all of them. */
export interface CompiledSettings {
  purpose: 'primary' | 'secondary';
  names: FieldNames;
  statuses: StatusTable;
  response: 'json' | 'ok' | 'gif';
  requireKey: boolean;
  /** The event that a message of a secondary source means where it names none itself. */
  eventType: FunnelEventType | null;
  /** Whether an address may post here. Null: any may. */
  allows: ((ip: string) => boolean) | null;
}

/** Throws VALIDATION_ERROR where a field is renamed to one that does not exist. */
export function compileSettings(settings: PostbackSettings): CompiledSettings {
  const preset = findPreset(settings.preset);
  const words = { ...preset?.statuses, ...settings.statuses };
  return {
    purpose: settings.purpose,
    names: renameFields(preset?.fields ?? {}, settings.fields),
    // A source with words of its own knows no others; without any it knows ours.
    statuses: buildStatusTable(Object.keys(words).length > 0 ? words : ownStatuses, 'recorded'),
    response: settings.response,
    requireKey: settings.requireKey,
    eventType: settings.eventType,
    allows: settings.allowedCidrs?.length ? compileCidrs(settings.allowedCidrs) : null,
  };
}
