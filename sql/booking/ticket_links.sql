-- Links to tickets, in the emails of guests: whoever has one sees the booking, on any device, and may cancel it as its
-- guest may. The worker makes the key of a link while it writes the email, and only its hash is kept (SHA-256 in hex):
-- neither the outbox nor a dump holds a link that works.

create table private.ticket_links (
  key_hash text primary key,
  showtime_id bigint not null,
  booking_id uuid not null,
  created_at timestamptz not null default private.now(),
  constraint its_booking foreign key (showtime_id, booking_id) references public.bookings (showtime_id, id),
  constraint key_is_hashed check (key_hash ~ '^[0-9a-f]{64}$')
);
create index ticket_links_by_age on private.ticket_links (created_at);
create index ticket_links_by_booking on private.ticket_links (showtime_id, booking_id);
alter table private.ticket_links enable row level security;

-- Notes the key of a link that the worker is about to send. Earlier ones stay good: their emails are still read. False
-- where there is no such booking.
create function public.add_ticket_link(booking_id uuid, key_hash text) returns boolean
language plpgsql volatile security definer set search_path = '' as $$
begin
  insert into private.ticket_links (key_hash, showtime_id, booking_id)
  select add_ticket_link.key_hash, b.showtime_id, b.id from public.bookings b where b.id = add_ticket_link.booking_id
  on conflict on constraint ticket_links_pkey do nothing;
  return found;
end
$$;

-- The booking of a link. Raises link_expired where reference and key do not belong together.
create function private.linked_booking(p_reference text, p_key_hash text) returns public.bookings
language plpgsql stable set search_path = '' as $$
declare
  v_booking public.bookings;
begin
  select b.* into v_booking
  from private.ticket_links l
  join public.bookings b on b.showtime_id = l.showtime_id and b.id = l.booking_id
  where l.key_hash = p_key_hash and b.reference = upper(p_reference);
  if not found then
    perform private.raise_api_error('link_expired');
  end if;
  return v_booking;
end
$$;

-- What a link shows: {booking (private.booking_details and server_time), email (private.email_context), cancellable:
-- true while cancel_by_link would end it}.
create function private.ticket_json(p_booking public.bookings) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_now timestamptz := private.now();
begin
  return jsonb_build_object(
    'booking', private.booking_details(p_booking) || jsonb_build_object('server_time', v_now),
    'email', private.email_context(p_booking.id),
    'cancellable', private.is_of_guest(p_booking) and private.is_cancellable(p_booking, v_now));
end
$$;

-- True for a booking of somebody without an account, who has the link alone to come back by.
create function private.is_of_guest(p_booking public.bookings) returns boolean
language sql stable set search_path = '' as $$
  select exists (select from public.users u where u.id = (p_booking).user_id and u.kind = 'guest')
$$;

-- Shows the booking of a link (private.ticket_json). Raises link_expired.
create function public.open_ticket(reference text, key_hash text) returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC' as $$
begin
  return private.ticket_json(private.linked_booking(open_ticket.reference, open_ticket.key_hash));
end
$$;

-- Gives up the booking of a link, as its guest may (cancel_booking). Answers private.ticket_json. Raises link_expired,
-- not_cancellable, also for one of an account, which has to be signed in to; busy.
create function public.cancel_by_link(reference text, key_hash text) returns jsonb
language plpgsql volatile security definer set search_path = '' set timezone = 'UTC' set enable_seqscan = off
set lock_timeout = '1s' as $$
declare
  v_booking public.bookings := private.linked_booking(cancel_by_link.reference, cancel_by_link.key_hash);
begin
  v_booking := private.booking_for_update(v_booking.id);
  if not private.is_of_guest(v_booking) then
    perform private.raise_api_error('not_cancellable');
  end if;
  -- Two statements: what is read in one does not see what it changes.
  v_booking := private.cancel_for_customer(v_booking);
  return private.ticket_json(v_booking);
exception
  when deadlock_detected or lock_not_available then
    perform private.raise_api_error('busy');
end
$$;

-- Deletes links that are older than that and whose showtime was over by then.
create function private.delete_old_ticket_links(p_until timestamptz, p_max_rows integer) returns integer
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_deleted integer;
begin
  delete from private.ticket_links l where l.key_hash = any (array(
    select old.key_hash from private.ticket_links old
    join public.showtimes t on t.id = old.showtime_id
    where old.created_at < p_until and t.ends_at < p_until
    order by old.created_at limit p_max_rows for update of old skip locked));
  get diagnostics v_deleted = row_count;
  return v_deleted;
end
$$;

grant execute on function
  public.add_ticket_link(uuid, text), public.open_ticket(text, text), public.cancel_by_link(text, text)
to service_role;
