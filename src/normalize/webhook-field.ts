/**
 * Fields of Meta's WhatsApp webhooks (WhatsApp Business Platform, "Webhooks reference", and Graph API, "Webhooks:
 * WhatsApp Business Account"), and those that only payloads have shown. A closed list, because it labels a counter.
 */
const WEBHOOK_FIELDS = [
  'messages',
  'account_alerts',
  'account_review_update',
  'account_settings_update',
  'account_update',
  'automatic_events',
  'business_capability_update',
  'business_status_update',
  'business_username_updates',
  'calls',
  'flows',
  'group_lifecycle_update',
  'group_participants_update',
  'group_settings_update',
  'group_status_update',
  'history',
  'message_echoes',
  'message_template_components_update',
  'message_template_quality_update',
  'message_template_status_update',
  'messaging_handovers',
  'partner_solutions',
  'payment_configuration_update',
  'phone_number_name_update',
  'phone_number_quality_update',
  'security',
  'smb_app_state_sync',
  'smb_message_echoes',
  'template_category_update',
  'template_correct_category_detection',
  'tracking_events',
  'user_id_update',
  'user_preferences',
] as const;

/** What is not on the list. */
const OTHER_FIELD = 'other';

const KNOWN_FIELDS: ReadonlySet<string> = new Set(WEBHOOK_FIELDS);

/** The field as a label: itself if it is on the list. */
export function webhookFieldLabel(field: string): string {
  return KNOWN_FIELDS.has(field) ? field : OTHER_FIELD;
}
