/** The channels that AWS End User Messaging publishes inbound messages of. */
export const CHANNELS = ['sms', 'whatsapp'] as const;
export type Channel = (typeof CHANNELS)[number];

/** `inbound`: from the customer to Connect. Agents' replies run `outbound`, in lanes of their own. */
export type Direction = 'inbound' | 'outbound';
