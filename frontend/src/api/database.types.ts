
export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[]

export type Database = {
  
  "public": {
          Tables: {
            "auditoriums": {
                  Row: {
                    "id": number,"layout_version": number,"name": string,"theater_id": number
                  }
                  ComputedFields: never
                  Insert: {
                    "id"?: never,"layout_version"?: number,"name": string,"theater_id": number
                  }
                  Update: {
                    "id"?: never,"layout_version"?: number,"name"?: string,"theater_id"?: number
                  }
                  Relationships: [
                    {
      foreignKeyName: "auditoriums_theater_id_fkey"
      columns: ["theater_id"]
isOneToOne: false
      referencedRelation: "theaters"
      referencedColumns: ["id"]
    }
                  ]
                },"booking_seats": {
                  Row: {
                    "booking_id": string,"kind": Database["public"]['Enums']["seat_kind"],"number": number,"price": number,"released_at": string | null,"row_label": string,"seat_id": number,"showtime_id": number,"sold_at": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "booking_id": string,"kind": Database["public"]['Enums']["seat_kind"],"number": number,"price": number,"released_at"?: string | null,"row_label": string,"seat_id": number,"showtime_id": number,"sold_at"?: string | null
                  }
                  Update: {
                    "booking_id"?: string,"kind"?: Database["public"]['Enums']["seat_kind"],"number"?: number,"price"?: number,"released_at"?: string | null,"row_label"?: string,"seat_id"?: number,"showtime_id"?: number,"sold_at"?: string | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "booking_seats_seat_id_fkey"
      columns: ["seat_id"]
isOneToOne: false
      referencedRelation: "seats"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "its_booking"
      columns: ["showtime_id","booking_id"]
isOneToOne: false
      referencedRelation: "bookings"
      referencedColumns: ["showtime_id","id"]
    }
                  ]
                },"bookings": {
                  Row: {
                    "cancelled_at": string | null,"confirmed_at": string | null,"created_at": string,"currency": string,"expires_at": string,"id": string,"reference": string,"revision": number,"showtime_id": number,"status": Database["public"]['Enums']["booking_status"],"total": number,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "cancelled_at"?: string | null,"confirmed_at"?: string | null,"created_at": string,"currency": string,"expires_at": string,"id"?: string,"reference": string,"revision"?: number,"showtime_id": number,"status"?: Database["public"]['Enums']["booking_status"],"total": number,"user_id": string
                  }
                  Update: {
                    "cancelled_at"?: string | null,"confirmed_at"?: string | null,"created_at"?: string,"currency"?: string,"expires_at"?: string,"id"?: string,"reference"?: string,"revision"?: number,"showtime_id"?: number,"status"?: Database["public"]['Enums']["booking_status"],"total"?: number,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "bookings_showtime_id_fkey"
      columns: ["showtime_id"]
isOneToOne: false
      referencedRelation: "showtimes"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "bookings_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "users"
      referencedColumns: ["id"]
    }
                  ]
                },"disputes": {
                  Row: {
                    "amount": number,"booking_id": string,"closed_at": string | null,"created_at": string,"currency": string,"id": string,"payment_id": string,"reason": string,"showtime_id": number,"status": string,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "amount": number,"booking_id": string,"closed_at"?: string | null,"created_at"?: string,"currency": string,"id": string,"payment_id": string,"reason": string,"showtime_id": number,"status": string,"updated_at"?: string
                  }
                  Update: {
                    "amount"?: number,"booking_id"?: string,"closed_at"?: string | null,"created_at"?: string,"currency"?: string,"id"?: string,"payment_id"?: string,"reason"?: string,"showtime_id"?: number,"status"?: string,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "its_booking"
      columns: ["showtime_id","booking_id"]
isOneToOne: false
      referencedRelation: "bookings"
      referencedColumns: ["showtime_id","id"]
    },{
      foreignKeyName: "its_payment"
      columns: ["showtime_id","payment_id"]
isOneToOne: false
      referencedRelation: "payments"
      referencedColumns: ["showtime_id","id"]
    }
                  ]
                },"movies": {
                  Row: {
                    "cast_members": (string)[],"certificate": Database["public"]['Enums']["certificate"],"directors": (string)[],"genres": (string)[],"id": number,"language": string,"length_minutes": number,"original_title": string | null,"release_year": number,"rights": string,"search_text": string,"slug": string,"synopsis": string,"title": string
                  }
                  ComputedFields: never
                  Insert: {
                    "cast_members"?: (string)[],"certificate": Database["public"]['Enums']["certificate"],"directors": (string)[],"genres": (string)[],"id"?: never,"language": string,"length_minutes": number,"original_title"?: string | null,"release_year": number,"rights": string,"search_text"?: string,"slug": string,"synopsis": string,"title": string
                  }
                  Update: {
                    "cast_members"?: (string)[],"certificate"?: Database["public"]['Enums']["certificate"],"directors"?: (string)[],"genres"?: (string)[],"id"?: never,"language"?: string,"length_minutes"?: number,"original_title"?: string | null,"release_year"?: number,"rights"?: string,"search_text"?: string,"slug"?: string,"synopsis"?: string,"title"?: string
                  }
                  Relationships: [
                    
                  ]
                },"payments": {
                  Row: {
                    "amount": number,"amount_received": number | null,"booking_id": string,"created_at": string,"currency": string,"currency_received": string | null,"failure_code": string | null,"failure_message": string | null,"id": string,"paid_at": string | null,"payment_intent_id": string | null,"settles_booking": boolean,"showtime_id": number,"status": Database["public"]['Enums']["payment_status"]
                  }
                  ComputedFields: never
                  Insert: {
                    "amount": number,"amount_received"?: number | null,"booking_id": string,"created_at"?: string,"currency": string,"currency_received"?: string | null,"failure_code"?: string | null,"failure_message"?: string | null,"id"?: string,"paid_at"?: string | null,"payment_intent_id"?: string | null,"settles_booking"?: boolean,"showtime_id": number,"status"?: Database["public"]['Enums']["payment_status"]
                  }
                  Update: {
                    "amount"?: number,"amount_received"?: number | null,"booking_id"?: string,"created_at"?: string,"currency"?: string,"currency_received"?: string | null,"failure_code"?: string | null,"failure_message"?: string | null,"id"?: string,"paid_at"?: string | null,"payment_intent_id"?: string | null,"settles_booking"?: boolean,"showtime_id"?: number,"status"?: Database["public"]['Enums']["payment_status"]
                  }
                  Relationships: [
                    {
      foreignKeyName: "its_booking"
      columns: ["showtime_id","booking_id"]
isOneToOne: false
      referencedRelation: "bookings"
      referencedColumns: ["showtime_id","id"]
    }
                  ]
                },"refunds": {
                  Row: {
                    "amount": number,"attempt": number,"booking_id": string,"created_at": string,"currency": string,"failure_reason": string | null,"id": string,"payment_id": string,"reason": string,"showtime_id": number,"status": Database["public"]['Enums']["refund_status"],"stripe_refund_id": string | null,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "amount": number,"attempt"?: number,"booking_id": string,"created_at"?: string,"currency": string,"failure_reason"?: string | null,"id"?: string,"payment_id": string,"reason": string,"showtime_id": number,"status"?: Database["public"]['Enums']["refund_status"],"stripe_refund_id"?: string | null,"updated_at"?: string
                  }
                  Update: {
                    "amount"?: number,"attempt"?: number,"booking_id"?: string,"created_at"?: string,"currency"?: string,"failure_reason"?: string | null,"id"?: string,"payment_id"?: string,"reason"?: string,"showtime_id"?: number,"status"?: Database["public"]['Enums']["refund_status"],"stripe_refund_id"?: string | null,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "its_booking"
      columns: ["showtime_id","booking_id"]
isOneToOne: false
      referencedRelation: "bookings"
      referencedColumns: ["showtime_id","id"]
    },{
      foreignKeyName: "its_payment"
      columns: ["showtime_id","payment_id"]
isOneToOne: false
      referencedRelation: "payments"
      referencedColumns: ["showtime_id","id"]
    }
                  ]
                },"seat_locks": {
                  Row: {
                    "booking_id": string | null,"end_reason": Database["public"]['Enums']["lock_end"] | null,"held": unknown,"id": number,"seat_id": number,"showtime_id": number,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "booking_id"?: string | null,"end_reason"?: Database["public"]['Enums']["lock_end"] | null,"held": unknown,"id": number,"seat_id": number,"showtime_id": number,"user_id": string
                  }
                  Update: {
                    "booking_id"?: string | null,"end_reason"?: Database["public"]['Enums']["lock_end"] | null,"held"?: unknown,"id"?: number,"seat_id"?: number,"showtime_id"?: number,"user_id"?: string
                  }
                  Relationships: [
                    
                  ]
                },"seats": {
                  Row: {
                    "auditorium_id": number,"id": number,"kind": Database["public"]['Enums']["seat_kind"],"number": number,"row_label": string,"x": number,"y": number
                  }
                  ComputedFields: never
                  Insert: {
                    "auditorium_id": number,"id"?: never,"kind"?: Database["public"]['Enums']["seat_kind"],"number": number,"row_label": string,"x": number,"y": number
                  }
                  Update: {
                    "auditorium_id"?: number,"id"?: never,"kind"?: Database["public"]['Enums']["seat_kind"],"number"?: number,"row_label"?: string,"x"?: number,"y"?: number
                  }
                  Relationships: [
                    {
      foreignKeyName: "seats_auditorium_id_fkey"
      columns: ["auditorium_id"]
isOneToOne: false
      referencedRelation: "auditoriums"
      referencedColumns: ["id"]
    }
                  ]
                },"showtime_prices": {
                  Row: {
                    "kind": Database["public"]['Enums']["seat_kind"],"price": number,"showtime_id": number
                  }
                  ComputedFields: never
                  Insert: {
                    "kind": Database["public"]['Enums']["seat_kind"],"price": number,"showtime_id": number
                  }
                  Update: {
                    "kind"?: Database["public"]['Enums']["seat_kind"],"price"?: number,"showtime_id"?: number
                  }
                  Relationships: [
                    {
      foreignKeyName: "showtime_prices_showtime_id_fkey"
      columns: ["showtime_id"]
isOneToOne: false
      referencedRelation: "showtimes"
      referencedColumns: ["id"]
    }
                  ]
                },"showtimes": {
                  Row: {
                    "auditorium_id": number,"available_from": string,"cancelled_at": string | null,"ends_at": string,"id": number,"movie_id": number,"revision": number,"starts_at": string,"status": Database["public"]['Enums']["showtime_status"]
                  }
                  ComputedFields: never
                  Insert: {
                    "auditorium_id": number,"available_from": string,"cancelled_at"?: string | null,"ends_at": string,"id"?: never,"movie_id": number,"revision"?: number,"starts_at": string,"status"?: Database["public"]['Enums']["showtime_status"]
                  }
                  Update: {
                    "auditorium_id"?: number,"available_from"?: string,"cancelled_at"?: string | null,"ends_at"?: string,"id"?: never,"movie_id"?: number,"revision"?: number,"starts_at"?: string,"status"?: Database["public"]['Enums']["showtime_status"]
                  }
                  Relationships: [
                    {
      foreignKeyName: "showtimes_auditorium_id_fkey"
      columns: ["auditorium_id"]
isOneToOne: false
      referencedRelation: "auditoriums"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "showtimes_movie_id_fkey"
      columns: ["movie_id"]
isOneToOne: false
      referencedRelation: "movies"
      referencedColumns: ["id"]
    }
                  ]
                },"theaters": {
                  Row: {
                    "address": string,"city": string,"country": string,"currency": string,"id": number,"name": string,"slug": string,"time_zone": string
                  }
                  ComputedFields: never
                  Insert: {
                    "address": string,"city": string,"country": string,"currency": string,"id"?: never,"name": string,"slug": string,"time_zone": string
                  }
                  Update: {
                    "address"?: string,"city"?: string,"country"?: string,"currency"?: string,"id"?: never,"name"?: string,"slug"?: string,"time_zone"?: string
                  }
                  Relationships: [
                    
                  ]
                },"users": {
                  Row: {
                    "blocked_at": string | null,"created_at": string,"email": string | null,"email_verified_at": string | null,"forgotten_at": string | null,"full_name": string | null,"id": string,"kind": Database["public"]['Enums']["user_kind"],"language": string,"role": Database["public"]['Enums']["user_role"]
                  }
                  ComputedFields: never
                  Insert: {
                    "blocked_at"?: string | null,"created_at"?: string,"email"?: string | null,"email_verified_at"?: string | null,"forgotten_at"?: string | null,"full_name"?: string | null,"id"?: string,"kind"?: Database["public"]['Enums']["user_kind"],"language"?: string,"role"?: Database["public"]['Enums']["user_role"]
                  }
                  Update: {
                    "blocked_at"?: string | null,"created_at"?: string,"email"?: string | null,"email_verified_at"?: string | null,"forgotten_at"?: string | null,"full_name"?: string | null,"id"?: string,"kind"?: Database["public"]['Enums']["user_kind"],"language"?: string,"role"?: Database["public"]['Enums']["user_role"]
                  }
                  Relationships: [
                    
                  ]
                }
          }
          Views: {
            [_ in never]: never
          }
          Functions: {
            "add_ticket_link":
{ Args: { "booking_id": string,"key_hash": string }; Returns: boolean
                           },
"attach_payment_intent":
{ Args: { "payment_id": string,"payment_intent_id": string }; Returns: Json
                           },
"begin_human_check":
{ Args: { "address": string,"session_id": string,"user_id": string }; Returns: Json
                           },
"begin_leaving":
{ Args: { "address": string,"session_id": string,"user_id": string }; Returns: Json
                           },
"begin_password_check":
{ Args: { "address": string,"user_id": string }; Returns: Json
                           },
"begin_password_reset":
{ Args: { "address": string,"token_hash": string }; Returns: Json
                           },
"begin_proof":
{ Args: { "address": string,"token_hash": string }; Returns: Json
                           },
"begin_second_factor":
{ Args: { "address": string,"secret": string,"session_id": string,"user_id": string }; Returns: undefined
                           },
"begin_second_factor_check":
{ Args: { "address": string,"session_id"?: string,"user_id": string }; Returns: Json
                           },
"begin_sign_in":
{ Args: { "address": string,"email": string }; Returns: Json
                           },
"block_user":
{ Args: { "blocked"?: boolean,"email": string }; Returns: boolean
                           },
"booking_history":
{ Args: { "booking_id": string }; Returns: Json
                           },
"cancel_booking":
{ Args: { "booking_id": string }; Returns: Json
                           },
"cancel_by_link":
{ Args: { "key_hash": string,"reference": string }; Returns: Json
                           },
"change_password":
{ Args: { "address": string,"new_password_hash": string,"password_hash": string,"session_id": string,"user_id": string }; Returns: undefined
                           },
"check_invariants":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"check_registration_limit":
{ Args: { "address": string }; Returns: Json
                           },
"claim_outbox":
{ Args: { "kinds"?: (string)[],"lease_seconds"?: number,"max_rows"?: number }; Returns: Json
                           },
"claim_payments_to_reconcile":
{ Args: { "max_rows"?: number,"older_than": string }; Returns: Json
                           },
"claim_refunds_to_reconcile":
{ Args: { "max_rows"?: number,"older_than": string }; Returns: Json
                           },
"close_session":
{ Args: { "everywhere"?: boolean,"token_hash": string }; Returns: undefined
                           },
"compare_refunds":
{ Args: { "refunds": Json }; Returns: Json
                           },
"complete_outbox":
{ Args: { "attempt": number,"error"?: string,"id": number }; Returns: boolean
                           },
"confirm_booking":
{ Args: { "amount": number,"booking_id"?: string,"currency": string,"event_id": string,"event_type": string,"payment_intent_id": string }; Returns: Json
                           },
"confirm_second_factor":
{ Args: { "address": string,"counter": number,"recovery_code_hashes": (string)[],"secret": string,"session_id": string,"user_id": string }; Returns: undefined
                           },
"create_booking":
{ Args: { "showtime_id": number }; Returns: Json
                           },
"delete_my_account":
{ Args: { "user_id": string }; Returns: Json
                           },
"discard_email":
{ Args: { "id": number }; Returns: boolean
                           },
"end_all_sessions":
{ Args: Record<PropertyKey, never>; Returns: number
                           },
"end_my_session":
{ Args: { "session_id": string }; Returns: undefined
                           },
"finish_verification":
{ Args: { "daily"?: boolean,"violations": number }; Returns: undefined
                           },
"forget_user":
{ Args: { "who": string }; Returns: Json
                           },
"issue_account_token":
{ Args: { "outbox_id": number,"purpose": string,"token_hash": string }; Returns: Json
                           },
"keep_retention":
{ Args: { "max_rows"?: number }; Returns: Json
                           },
"lock_seats":
{ Args: { "seat_ids": (number)[],"showtime_id": number }; Returns: Json
                           },
"movie":
{ Args: { "after"?: string,"day"?: string,"slug": string,"theater_ids"?: (number)[] }; Returns: Json
                           },
"my_account":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"my_booking":
{ Args: { "booking_id": string }; Returns: Json
                           },
"my_bookings":
{ Args: { "after"?: string,"max_rows"?: number }; Returns: Json
                           },
"my_data":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"my_second_factor":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"my_sessions":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"open_guest_session":
{ Args: { "address": string,"token_hash": string,"user_agent": string }; Returns: Json
                           },
"open_session":
{ Args: { "address"?: string,"guest_session_id"?: string,"password_hash"?: string,"second_factor"?: boolean,"token_hash": string,"user_agent"?: string,"user_id": string }; Returns: Json
                           },
"open_ticket":
{ Args: { "key_hash": string,"reference": string }; Returns: Json
                           },
"operational_metrics":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"pass_human_check":
{ Args: { "session_id": string,"user_id": string }; Returns: Json
                           },
"payments_to_verify":
{ Args: { "after"?: string,"max_rows"?: number,"since": string }; Returns: Json
                           },
"prove_email":
{ Args: { "password_hash"?: string,"session_id"?: string,"token_hash": string }; Returns: Json
                           },
"record_dispute":
{ Args: { "amount": number,"currency": string,"event_id": string,"event_type": string,"payment_intent_id": string,"reason": string,"status": string,"stripe_dispute_id": string }; Returns: Json
                           },
"record_payment_failure":
{ Args: { "canceled"?: boolean,"event_id": string,"event_type": string,"failure_code"?: string,"failure_message"?: string,"payment_intent_id": string }; Returns: Json
                           },
"record_refund":
{ Args: { "amount": number,"attempt"?: number,"event_id": string,"event_type": string,"failure_reason"?: string,"payment_intent_id": string,"refund_id"?: string,"status": string,"stripe_refund_id": string }; Returns: Json
                           },
"register_user":
{ Args: { "email": string,"full_name": string,"guest_session_id"?: string,"password_hash": string }; Returns: Json
                           },
"release_check":
{ Args: { "older_than": string,"subject_id": string }; Returns: undefined
                           },
"release_expired_locks":
{ Args: { "max_rows"?: number }; Returns: Json
                           },
"release_seats":
{ Args: { "seat_ids"?: (number)[],"showtime_id": number }; Returns: Json
                           },
"remove_second_factor":
{ Args: { "user_id": string }; Returns: boolean
                           },
"rename_me":
{ Args: { "full_name": string }; Returns: Json
                           },
"replace_second_factor_secret":
{ Args: { "new_secret": string,"secret": string,"user_id": string }; Returns: boolean
                           },
"request_email_change":
{ Args: { "address": string,"email": string,"password_hash": string,"user_id": string }; Returns: Json
                           },
"request_password_reset":
{ Args: { "address": string,"email": string }; Returns: Json
                           },
"requeue_outbox":
{ Args: { "id"?: number }; Returns: number
                           },
"reset_password":
{ Args: { "password_hash": string,"token_hash": string }; Returns: Json
                           },
"rotate_session":
{ Args: { "new_token_hash": string,"token_hash": string }; Returns: Json
                           },
"schema_version":
{ Args: Record<PropertyKey, never>; Returns: string
                           },
"seat_holder":
{ Args: { "at"?: string,"seat_id": number,"showtime_id": number }; Returns: Json
                           },
"seat_layout":
{ Args: { "auditorium_id": number,"version": number }; Returns: Json
                           },
"seat_map":
{ Args: { "showtime_id": number }; Returns: Json
                           },
"seat_states":
{ Args: { "showtime_id": number }; Returns: Json
                           },
"second_factor_secrets":
{ Args: { "after"?: string,"max_rows": number }; Returns: Json
                           },
"send_ticket_again":
{ Args: { "booking_id": string }; Returns: Json
                           },
"send_verification_again":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"server_time":
{ Args: Record<PropertyKey, never>; Returns: string
                           },
"set_contact":
{ Args: { "email": string,"full_name": string }; Returns: Json
                           },
"set_language":
{ Args: { "language": string }; Returns: Json
                           },
"settle_refund_attempt":
{ Args: { "attempt": number,"code": string,"refund_id": string,"refunds"?: Json }; Returns: Json
                           },
"showtime":
{ Args: { "showtime_id": number }; Returns: Json
                           },
"start_payment":
{ Args: { "booking_id": string,"user_id": string }; Returns: Json
                           },
"start_verification":
{ Args: { "every"?: string }; Returns: boolean
                           },
"theater":
{ Args: { "slug": string }; Returns: Json
                           },
"theaters":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"ticket_context":
{ Args: { "booking_id": string,"user_id": string }; Returns: Json
                           },
"use_recovery_code":
{ Args: { "address": string,"code_hash": string,"user_id": string }; Returns: boolean
                           },
"use_second_factor":
{ Args: { "address": string,"counter": number,"secret": string,"user_id": string }; Returns: boolean
                           },
"whats_on":
{ Args: { "after"?: string,"day"?: string,"filters"?: Json,"max_films"?: number,"search"?: string,"sort"?: string,"theater_ids"?: (number)[] }; Returns: Json
                           }
          }
          Enums: {
            "booking_status": "pending"|"confirmed"|"expired"|"cancelled"|"refunded","certificate": "U"|"PG"|"12"|"15"|"18","lock_end": "released"|"expired"|"cancelled"|"refunded"|"shown","payment_status": "open"|"succeeded"|"canceled","refund_status": "queued"|"pending"|"succeeded"|"failed"|"void","seat_kind": "standard"|"premium"|"wheelchair"|"companion"|"love","showtime_status": "scheduled"|"cancelled","user_kind": "guest"|"registered","user_role": "customer"|"staff"|"admin"
          }
          CompositeTypes: {
            [_ in never]: never
          }
        }
}

type DatabaseWithoutInternals = Omit<Database, '__InternalSupabase'>

type DefaultSchema = DatabaseWithoutInternals[Extract<keyof Database, "public">]

export type Tables<
  DefaultSchemaTableNameOrOptions extends
    | keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
        DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
      DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])[TableName] extends {
      Row: infer R
    }
    ? R
    : never
  : DefaultSchemaTableNameOrOptions extends keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
  ? (DefaultSchema["Tables"] & DefaultSchema["Views"])[DefaultSchemaTableNameOrOptions] extends {
      Row: infer R
    }
    ? R
    : never
  : never

export type TablesInsert<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Insert: infer I
    }
    ? I
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
  ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
      Insert: infer I
    }
    ? I
    : never
  : never

export type TablesUpdate<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Update: infer U
    }
    ? U
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
  ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
      Update: infer U
    }
    ? U
    : never
  : never

export type Enums<
  DefaultSchemaEnumNameOrOptions extends
    | keyof DefaultSchema["Enums"]
    | { schema: keyof DatabaseWithoutInternals },
  EnumName extends DefaultSchemaEnumNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"]
    : never = never
> = DefaultSchemaEnumNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"][EnumName]
  : DefaultSchemaEnumNameOrOptions extends keyof DefaultSchema["Enums"]
  ? DefaultSchema["Enums"][DefaultSchemaEnumNameOrOptions]
  : never

export type CompositeTypes<
  PublicCompositeTypeNameOrOptions extends
    | keyof DefaultSchema["CompositeTypes"]
    | { schema: keyof DatabaseWithoutInternals },
  CompositeTypeName extends PublicCompositeTypeNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"]
    : never = never
> = PublicCompositeTypeNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"][CompositeTypeName]
  : PublicCompositeTypeNameOrOptions extends keyof DefaultSchema["CompositeTypes"]
  ? DefaultSchema["CompositeTypes"][PublicCompositeTypeNameOrOptions]
  : never

export const Constants = {
  "public": {
          Enums: {
            "booking_status": ["pending", "confirmed", "expired", "cancelled", "refunded"],"certificate": ["U", "PG", "12", "15", "18"],"lock_end": ["released", "expired", "cancelled", "refunded", "shown"],"payment_status": ["open", "succeeded", "canceled"],"refund_status": ["queued", "pending", "succeeded", "failed", "void"],"seat_kind": ["standard", "premium", "wheelchair", "companion", "love"],"showtime_status": ["scheduled", "cancelled"],"user_kind": ["guest", "registered"],"user_role": ["customer", "staff", "admin"]
          }
        }
} as const
