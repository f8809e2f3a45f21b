/** Where a page of facts ends. */
export interface FactPosition {
  programId: string;
  livemode: boolean;
  id: string;
}

export const firstFact: FactPosition = { programId: '', livemode: false, id: '' };
