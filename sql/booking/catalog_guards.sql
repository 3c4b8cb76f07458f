-- What the catalog refuses because seats are held or sold, to whoever asks: triggers, so that the owner's plain SQL and
-- the secret key meet them too. They raise ordinary errors of SQL, which name the fact that stays; no customer can
-- cause one. What needs no look at holds or bookings is in catalog/.
--
-- Holds have no foreign key (docs/adr/0005), so nothing but a lock keeps one from beginning while a guard looks. The
-- guard takes the showtime for itself and then looks again: lock_seats, create_booking and confirm_booking share the
-- showtime before they read anything (private.lock_customer). It looks before that as well, since by now it has the row
-- that it guards, and a call which holds the showtime may be waiting for that row; such a call is about seats that are
-- held already. An owner's transaction must be `read committed`, which it is by default: another would not see, once it
-- has waited, what it waited for.

-- True while somebody holds a seat of a showtime, is paying for one or has a ticket. A booking that ended unpaid holds
-- nothing, nor does one that was cancelled.
create function private.showtime_is_held(p_showtime_id bigint, p_now timestamptz) returns boolean
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
begin
  return exists (select from public.bookings b
                 where b.showtime_id = p_showtime_id
                   and (b.status = 'confirmed' or b.status = 'pending' and b.expires_at > p_now))
    or exists (select from public.seat_locks l where l.showtime_id = p_showtime_id and l.held @> p_now);
end
$$;

-- True while money may still arrive for a booking, in time or late (private.sell_seats), until Stripe has canceled its
-- payment. A seat that is sold then is one in the showtime's auditorium, in the theater's currency
-- (private.holds_its_seats); which film it was booked for, and where, nothing says.
create function private.showtime_may_be_paid(p_showtime_id bigint) returns boolean
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
begin
  return exists (select from public.payments p where p.showtime_id = p_showtime_id and p.status = 'open');
end
$$;

-- True once a booking of a showtime was paid, for good: its emails, its refund and a dispute name the film.
create function private.showtime_was_sold(p_showtime_id bigint) returns boolean
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
begin
  return exists (select from public.bookings b where b.showtime_id = p_showtime_id and b.confirmed_at is not null);
end
$$;

-- A showtime that somebody holds or has booked keeps its film and its auditorium, and stays. Holds that have ended do
-- not count, whether the sweep has archived them or not, nor do bookings that ended without being paid; those forbid to
-- delete it by their foreign key.
create function private.protect_held_showtime() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  for v_look in 1..2 loop
    if private.showtime_is_held(old.id, private.now())
      or tg_name = 'held_showtimes_keep_their_film'
        and (private.showtime_was_sold(old.id) or private.showtime_may_be_paid(old.id)) then
      raise foreign_key_violation using message = 'seats of this showtime are held or booked', constraint = tg_name;
    end if;
    perform private.lock_showtime(old.id);
  end loop;
  return case tg_op when 'DELETE' then old else new end;
end
$$;

create trigger held_showtimes_stay before delete on public.showtimes
  for each row execute function private.protect_held_showtime();
create trigger held_showtimes_keep_their_auditorium before update of auditorium_id on public.showtimes
  for each row when (old.auditorium_id is distinct from new.auditorium_id)
  execute function private.protect_held_showtime();
create trigger held_showtimes_keep_their_film before update of movie_id on public.showtimes
  for each row when (old.movie_id is distinct from new.movie_id) execute function private.protect_held_showtime();

-- A cancelled showtime is not on again once a booking ended for it or money went back: those customers were told, and
-- their seats would be sold once more. What they had cancelled themselves before does not count.
create function private.keep_refunded_cancelled() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform private.lock_showtime(old.id);
  if exists (select from public.bookings b
             where b.showtime_id = old.id and b.cancelled_at >= coalesce(old.cancelled_at, '-infinity'))
    or exists (select from public.refunds r where r.showtime_id = old.id and r.reason = 'showtime_cancelled') then
    raise check_violation using
      message = 'bookings of this showtime were cancelled or refunded', constraint = tg_name;
  end if;
  return new;
end
$$;

create trigger refunded_showtimes_stay_cancelled before update of status on public.showtimes
  for each row when (old.status = 'cancelled' and new.status <> 'cancelled')
  execute function private.keep_refunded_cancelled();

-- A cancelled showtime whose bookings wait for their refund keeps its time: those customers are told of the refund, and
-- not of a move as well. To have it on again at another time, one statement changes both.
create function private.keep_time_while_cancelled() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform private.lock_showtime(old.id);
  if exists (select from public.bookings b where b.showtime_id = old.id and b.status = 'confirmed') then
    raise check_violation using
      message = 'bookings of this cancelled showtime are being refunded', constraint = tg_name;
  end if;
  return new;
end
$$;

create trigger cancelled_showtimes_keep_their_time before update on public.showtimes
  for each row when (new.status = 'cancelled' and old.starts_at is distinct from new.starts_at)
  execute function private.keep_time_while_cancelled();

-- Where and when a ticket is for, and in which money it is paid: an auditorium keeps its theater, and a theater its
-- currency and its time zone, while a showtime to come there is held, booked or being paid for. Raises
-- foreign_key_violation, named after the trigger.
create function private.protect_held_auditoriums(p_auditorium_ids bigint[], p_constraint text) returns void
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_now timestamptz;
begin
  for v_look in 1..2 loop
    v_now := private.now();
    if exists (select from public.showtimes t
               where t.auditorium_id = any (p_auditorium_ids) and t.ends_at > v_now
                 and (private.showtime_is_held(t.id, v_now) or private.showtime_may_be_paid(t.id))) then
      raise foreign_key_violation using
        message = 'seats are held or booked at a showtime to come', constraint = p_constraint;
    end if;
    -- The auditoriums first, so that no showtime is added there meanwhile.
    perform from public.auditoriums a where a.id = any (p_auditorium_ids) order by a.id for update;
    perform private.lock_showtime(t.id)
    from (select s.id from public.showtimes s
          where s.auditorium_id = any (p_auditorium_ids) and s.ends_at > v_now order by s.id) t;
  end loop;
end
$$;

create function private.protect_held_auditorium() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform private.protect_held_auditoriums(array[old.id], tg_name);
  return new;
end
$$;

create trigger held_auditoriums_keep_their_theater before update of theater_id on public.auditoriums
  for each row when (old.theater_id is distinct from new.theater_id)
  execute function private.protect_held_auditorium();

-- The theater first, so that it is given no auditorium meanwhile.
create function private.protect_held_theater() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform from public.theaters h where h.id = old.id for update;
  perform private.protect_held_auditoriums(
    array(select a.id from public.auditoriums a where a.theater_id = old.id), tg_name);
  return new;
end
$$;

create trigger held_theaters_keep_their_currency before update of currency on public.theaters
  for each row when (old.currency is distinct from new.currency) execute function private.protect_held_theater();
create trigger held_theaters_keep_their_time_zone before update of time_zone on public.theaters
  for each row when (old.time_zone is distinct from new.time_zone) execute function private.protect_held_theater();

-- True while somebody holds or has bought a seat at a showtime that is not over.
create function private.seat_is_held(p_seat public.seats, p_now timestamptz) returns boolean
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
begin
  return exists (
    select from public.showtimes t
    join public.seat_locks l on l.showtime_id = t.id and l.seat_id = p_seat.id and l.held @> p_now
    where t.auditorium_id = p_seat.auditorium_id and t.ends_at > p_now);
end
$$;

-- Such a seat stays what its ticket says it is: its row and number, its auditorium, its kind. Where it is drawn is not
-- on the ticket.
create function private.protect_held_seat() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_now timestamptz;
begin
  for v_look in 1..2 loop
    v_now := private.now();
    if private.seat_is_held(old, v_now) then
      raise foreign_key_violation using
        message = format('seat %s%s is held or sold at a showtime to come', old.row_label, old.number),
        constraint = tg_name;
    end if;
    -- The auditorium first, so that no showtime is added there meanwhile.
    perform from public.auditoriums a where a.id = old.auditorium_id for update;
    perform private.lock_showtime(t.id)
    from (select s.id from public.showtimes s
          where s.auditorium_id = old.auditorium_id and s.ends_at > v_now order by s.id) t;
  end loop;
  return case tg_op when 'DELETE' then old else new end;
end
$$;

create trigger held_seats_stay before delete on public.seats
  for each row execute function private.protect_held_seat();
create trigger held_seats_keep_their_name_and_kind before update on public.seats
  for each row when (
    old.auditorium_id is distinct from new.auditorium_id or old.row_label is distinct from new.row_label
    or old.number is distinct from new.number or old.kind is distinct from new.kind)
  execute function private.protect_held_seat();

-- What was booked keeps its price, from the moment in which the customer was told.
create function private.forbid_price_change() returns trigger
language plpgsql volatile set search_path = '' as $$
begin
  raise check_violation using message = 'what is booked keeps its price', constraint = tg_name;
end
$$;

create trigger booked_prices_stay before update of price on public.booking_seats
  for each row when (old.price is distinct from new.price) execute function private.forbid_price_change();
create trigger booked_totals_stay before update of total, currency on public.bookings
  for each row when ((old.total, old.currency) is distinct from (new.total, new.currency))
  execute function private.forbid_price_change();
