/** A delivery is known by its message and its endpoint, which is its key in the table. */
export interface DeliveryKey {
  messageId: string;
  endpointId: string;
}

/**
 * What a job names: `message:endpoint`. It says whom to wake without a look into the database. A person's wish (a resend,
 * a test) is marked, since it does not wait its turn.
 */
export function deliveryIdOf({ messageId, endpointId }: DeliveryKey, options: { urgent?: boolean } = {}): string {
  return `${messageId}:${endpointId}${options.urgent ? ':urgent' : ''}`;
}

export function parseDeliveryId(deliveryId: string): DeliveryKey & { urgent: boolean } {
  const [messageId = '', endpointId = '', mark] = deliveryId.split(':');
  return { messageId, endpointId, urgent: mark === 'urgent' };
}
