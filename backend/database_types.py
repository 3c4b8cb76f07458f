"""The tables and enums of the database. Generated from sql/ by `make types`; do not edit."""

# The CLI imports what other databases need, too.
# pyright: reportUnusedImport=false
from __future__ import annotations

import datetime
import uuid
from typing import (
    Annotated,
    Any,
    List,
    Literal,
    Optional,
    TypedDict,
)
from typing_extensions import NotRequired, TypeAlias

from pydantic import BaseModel, Field, JsonValue

PrivateAccountTokenPurpose: TypeAlias = Literal["verify_email", "change_email", "reset_password"]

PrivateOutboxKind: TypeAlias = Literal["mail_confirmation", "mail_refund", "refund", "cancel_intent", "mail_cancellation", "mail_refund_failed", "mail_showtime_moved", "mail_verify_email", "mail_change_email", "mail_email_changed", "mail_reset_password", "mail_password_changed", "mail_second_factor_changed"]

PrivateOutboxState: TypeAlias = Literal["queued", "sent", "failed", "discarded"]

PublicBookingStatus: TypeAlias = Literal["pending", "confirmed", "expired", "cancelled", "refunded"]

PublicCertificate: TypeAlias = Literal["U", "PG", "12", "15", "18"]

PublicLockEnd: TypeAlias = Literal["released", "expired", "cancelled", "refunded", "shown"]

PublicPaymentStatus: TypeAlias = Literal["open", "succeeded", "canceled"]

PublicRefundStatus: TypeAlias = Literal["queued", "pending", "succeeded", "failed", "void"]

PublicSeatKind: TypeAlias = Literal["standard", "premium", "wheelchair", "companion", "love"]

PublicShowtimeStatus: TypeAlias = Literal["scheduled", "cancelled"]

PublicUserKind: TypeAlias = Literal["guest", "registered"]

PublicUserRole: TypeAlias = Literal["customer", "staff", "admin"]

class PublicAuditoriums(BaseModel):
    id: int = Field(alias="id")
    layout_version: int = Field(alias="layout_version")
    name: str = Field(alias="name")
    theater_id: int = Field(alias="theater_id")

class PublicAuditoriumsInsert(TypedDict):
    id: NotRequired[Annotated[int, Field(alias="id")]]
    layout_version: NotRequired[Annotated[int, Field(alias="layout_version")]]
    name: Annotated[str, Field(alias="name")]
    theater_id: Annotated[int, Field(alias="theater_id")]

class PublicAuditoriumsUpdate(TypedDict):
    id: NotRequired[Annotated[int, Field(alias="id")]]
    layout_version: NotRequired[Annotated[int, Field(alias="layout_version")]]
    name: NotRequired[Annotated[str, Field(alias="name")]]
    theater_id: NotRequired[Annotated[int, Field(alias="theater_id")]]

class PublicBookingSeats(BaseModel):
    booking_id: uuid.UUID = Field(alias="booking_id")
    kind: PublicSeatKind = Field(alias="kind")
    number: int = Field(alias="number")
    price: int = Field(alias="price")
    released_at: Optional[datetime.datetime] = Field(alias="released_at")
    row_label: str = Field(alias="row_label")
    seat_id: int = Field(alias="seat_id")
    showtime_id: int = Field(alias="showtime_id")
    sold_at: Optional[datetime.datetime] = Field(alias="sold_at")

class PublicBookingSeatsInsert(TypedDict):
    booking_id: Annotated[uuid.UUID, Field(alias="booking_id")]
    kind: Annotated[PublicSeatKind, Field(alias="kind")]
    number: Annotated[int, Field(alias="number")]
    price: Annotated[int, Field(alias="price")]
    released_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="released_at")]]
    row_label: Annotated[str, Field(alias="row_label")]
    seat_id: Annotated[int, Field(alias="seat_id")]
    showtime_id: Annotated[int, Field(alias="showtime_id")]
    sold_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="sold_at")]]

class PublicBookingSeatsUpdate(TypedDict):
    booking_id: NotRequired[Annotated[uuid.UUID, Field(alias="booking_id")]]
    kind: NotRequired[Annotated[PublicSeatKind, Field(alias="kind")]]
    number: NotRequired[Annotated[int, Field(alias="number")]]
    price: NotRequired[Annotated[int, Field(alias="price")]]
    released_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="released_at")]]
    row_label: NotRequired[Annotated[str, Field(alias="row_label")]]
    seat_id: NotRequired[Annotated[int, Field(alias="seat_id")]]
    showtime_id: NotRequired[Annotated[int, Field(alias="showtime_id")]]
    sold_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="sold_at")]]

class PublicBookings(BaseModel):
    cancelled_at: Optional[datetime.datetime] = Field(alias="cancelled_at")
    confirmed_at: Optional[datetime.datetime] = Field(alias="confirmed_at")
    created_at: datetime.datetime = Field(alias="created_at")
    currency: str = Field(alias="currency")
    expires_at: datetime.datetime = Field(alias="expires_at")
    id: uuid.UUID = Field(alias="id")
    reference: str = Field(alias="reference")
    revision: int = Field(alias="revision")
    showtime_id: int = Field(alias="showtime_id")
    status: PublicBookingStatus = Field(alias="status")
    total: int = Field(alias="total")
    user_id: uuid.UUID = Field(alias="user_id")

class PublicBookingsInsert(TypedDict):
    cancelled_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="cancelled_at")]]
    confirmed_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="confirmed_at")]]
    created_at: Annotated[datetime.datetime, Field(alias="created_at")]
    currency: Annotated[str, Field(alias="currency")]
    expires_at: Annotated[datetime.datetime, Field(alias="expires_at")]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    reference: Annotated[str, Field(alias="reference")]
    revision: NotRequired[Annotated[int, Field(alias="revision")]]
    showtime_id: Annotated[int, Field(alias="showtime_id")]
    status: NotRequired[Annotated[PublicBookingStatus, Field(alias="status")]]
    total: Annotated[int, Field(alias="total")]
    user_id: Annotated[uuid.UUID, Field(alias="user_id")]

class PublicBookingsUpdate(TypedDict):
    cancelled_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="cancelled_at")]]
    confirmed_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="confirmed_at")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    currency: NotRequired[Annotated[str, Field(alias="currency")]]
    expires_at: NotRequired[Annotated[datetime.datetime, Field(alias="expires_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    reference: NotRequired[Annotated[str, Field(alias="reference")]]
    revision: NotRequired[Annotated[int, Field(alias="revision")]]
    showtime_id: NotRequired[Annotated[int, Field(alias="showtime_id")]]
    status: NotRequired[Annotated[PublicBookingStatus, Field(alias="status")]]
    total: NotRequired[Annotated[int, Field(alias="total")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicDisputes(BaseModel):
    amount: int = Field(alias="amount")
    booking_id: uuid.UUID = Field(alias="booking_id")
    closed_at: Optional[datetime.datetime] = Field(alias="closed_at")
    created_at: datetime.datetime = Field(alias="created_at")
    currency: str = Field(alias="currency")
    id: str = Field(alias="id")
    payment_id: uuid.UUID = Field(alias="payment_id")
    reason: str = Field(alias="reason")
    showtime_id: int = Field(alias="showtime_id")
    status: str = Field(alias="status")
    updated_at: datetime.datetime = Field(alias="updated_at")

class PublicDisputesInsert(TypedDict):
    amount: Annotated[int, Field(alias="amount")]
    booking_id: Annotated[uuid.UUID, Field(alias="booking_id")]
    closed_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="closed_at")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    currency: Annotated[str, Field(alias="currency")]
    id: Annotated[str, Field(alias="id")]
    payment_id: Annotated[uuid.UUID, Field(alias="payment_id")]
    reason: Annotated[str, Field(alias="reason")]
    showtime_id: Annotated[int, Field(alias="showtime_id")]
    status: Annotated[str, Field(alias="status")]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]

class PublicDisputesUpdate(TypedDict):
    amount: NotRequired[Annotated[int, Field(alias="amount")]]
    booking_id: NotRequired[Annotated[uuid.UUID, Field(alias="booking_id")]]
    closed_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="closed_at")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    currency: NotRequired[Annotated[str, Field(alias="currency")]]
    id: NotRequired[Annotated[str, Field(alias="id")]]
    payment_id: NotRequired[Annotated[uuid.UUID, Field(alias="payment_id")]]
    reason: NotRequired[Annotated[str, Field(alias="reason")]]
    showtime_id: NotRequired[Annotated[int, Field(alias="showtime_id")]]
    status: NotRequired[Annotated[str, Field(alias="status")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]

class PublicMovies(BaseModel):
    cast_members: List[str] = Field(alias="cast_members")
    certificate: PublicCertificate = Field(alias="certificate")
    directors: List[str] = Field(alias="directors")
    genres: List[str] = Field(alias="genres")
    id: int = Field(alias="id")
    language: str = Field(alias="language")
    length_minutes: int = Field(alias="length_minutes")
    original_title: Optional[str] = Field(alias="original_title")
    release_year: int = Field(alias="release_year")
    rights: str = Field(alias="rights")
    search_text: str = Field(alias="search_text")
    slug: str = Field(alias="slug")
    synopsis: str = Field(alias="synopsis")
    title: str = Field(alias="title")

class PublicMoviesInsert(TypedDict):
    cast_members: NotRequired[Annotated[List[str], Field(alias="cast_members")]]
    certificate: Annotated[PublicCertificate, Field(alias="certificate")]
    directors: Annotated[List[str], Field(alias="directors")]
    genres: Annotated[List[str], Field(alias="genres")]
    id: NotRequired[Annotated[int, Field(alias="id")]]
    language: Annotated[str, Field(alias="language")]
    length_minutes: Annotated[int, Field(alias="length_minutes")]
    original_title: NotRequired[Annotated[Optional[str], Field(alias="original_title")]]
    release_year: Annotated[int, Field(alias="release_year")]
    rights: Annotated[str, Field(alias="rights")]
    search_text: NotRequired[Annotated[str, Field(alias="search_text")]]
    slug: Annotated[str, Field(alias="slug")]
    synopsis: Annotated[str, Field(alias="synopsis")]
    title: Annotated[str, Field(alias="title")]

class PublicMoviesUpdate(TypedDict):
    cast_members: NotRequired[Annotated[List[str], Field(alias="cast_members")]]
    certificate: NotRequired[Annotated[PublicCertificate, Field(alias="certificate")]]
    directors: NotRequired[Annotated[List[str], Field(alias="directors")]]
    genres: NotRequired[Annotated[List[str], Field(alias="genres")]]
    id: NotRequired[Annotated[int, Field(alias="id")]]
    language: NotRequired[Annotated[str, Field(alias="language")]]
    length_minutes: NotRequired[Annotated[int, Field(alias="length_minutes")]]
    original_title: NotRequired[Annotated[Optional[str], Field(alias="original_title")]]
    release_year: NotRequired[Annotated[int, Field(alias="release_year")]]
    rights: NotRequired[Annotated[str, Field(alias="rights")]]
    search_text: NotRequired[Annotated[str, Field(alias="search_text")]]
    slug: NotRequired[Annotated[str, Field(alias="slug")]]
    synopsis: NotRequired[Annotated[str, Field(alias="synopsis")]]
    title: NotRequired[Annotated[str, Field(alias="title")]]

class PublicPayments(BaseModel):
    amount: int = Field(alias="amount")
    amount_received: Optional[int] = Field(alias="amount_received")
    booking_id: uuid.UUID = Field(alias="booking_id")
    created_at: datetime.datetime = Field(alias="created_at")
    currency: str = Field(alias="currency")
    currency_received: Optional[str] = Field(alias="currency_received")
    failure_code: Optional[str] = Field(alias="failure_code")
    failure_message: Optional[str] = Field(alias="failure_message")
    id: uuid.UUID = Field(alias="id")
    paid_at: Optional[datetime.datetime] = Field(alias="paid_at")
    payment_intent_id: Optional[str] = Field(alias="payment_intent_id")
    settles_booking: bool = Field(alias="settles_booking")
    showtime_id: int = Field(alias="showtime_id")
    status: PublicPaymentStatus = Field(alias="status")

class PublicPaymentsInsert(TypedDict):
    amount: Annotated[int, Field(alias="amount")]
    amount_received: NotRequired[Annotated[Optional[int], Field(alias="amount_received")]]
    booking_id: Annotated[uuid.UUID, Field(alias="booking_id")]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    currency: Annotated[str, Field(alias="currency")]
    currency_received: NotRequired[Annotated[Optional[str], Field(alias="currency_received")]]
    failure_code: NotRequired[Annotated[Optional[str], Field(alias="failure_code")]]
    failure_message: NotRequired[Annotated[Optional[str], Field(alias="failure_message")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    paid_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="paid_at")]]
    payment_intent_id: NotRequired[Annotated[Optional[str], Field(alias="payment_intent_id")]]
    settles_booking: NotRequired[Annotated[bool, Field(alias="settles_booking")]]
    showtime_id: Annotated[int, Field(alias="showtime_id")]
    status: NotRequired[Annotated[PublicPaymentStatus, Field(alias="status")]]

class PublicPaymentsUpdate(TypedDict):
    amount: NotRequired[Annotated[int, Field(alias="amount")]]
    amount_received: NotRequired[Annotated[Optional[int], Field(alias="amount_received")]]
    booking_id: NotRequired[Annotated[uuid.UUID, Field(alias="booking_id")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    currency: NotRequired[Annotated[str, Field(alias="currency")]]
    currency_received: NotRequired[Annotated[Optional[str], Field(alias="currency_received")]]
    failure_code: NotRequired[Annotated[Optional[str], Field(alias="failure_code")]]
    failure_message: NotRequired[Annotated[Optional[str], Field(alias="failure_message")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    paid_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="paid_at")]]
    payment_intent_id: NotRequired[Annotated[Optional[str], Field(alias="payment_intent_id")]]
    settles_booking: NotRequired[Annotated[bool, Field(alias="settles_booking")]]
    showtime_id: NotRequired[Annotated[int, Field(alias="showtime_id")]]
    status: NotRequired[Annotated[PublicPaymentStatus, Field(alias="status")]]

class PublicRefunds(BaseModel):
    amount: int = Field(alias="amount")
    attempt: int = Field(alias="attempt")
    booking_id: uuid.UUID = Field(alias="booking_id")
    created_at: datetime.datetime = Field(alias="created_at")
    currency: str = Field(alias="currency")
    failure_reason: Optional[str] = Field(alias="failure_reason")
    id: uuid.UUID = Field(alias="id")
    payment_id: uuid.UUID = Field(alias="payment_id")
    reason: str = Field(alias="reason")
    showtime_id: int = Field(alias="showtime_id")
    status: PublicRefundStatus = Field(alias="status")
    stripe_refund_id: Optional[str] = Field(alias="stripe_refund_id")
    updated_at: datetime.datetime = Field(alias="updated_at")

class PublicRefundsInsert(TypedDict):
    amount: Annotated[int, Field(alias="amount")]
    attempt: NotRequired[Annotated[int, Field(alias="attempt")]]
    booking_id: Annotated[uuid.UUID, Field(alias="booking_id")]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    currency: Annotated[str, Field(alias="currency")]
    failure_reason: NotRequired[Annotated[Optional[str], Field(alias="failure_reason")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    payment_id: Annotated[uuid.UUID, Field(alias="payment_id")]
    reason: Annotated[str, Field(alias="reason")]
    showtime_id: Annotated[int, Field(alias="showtime_id")]
    status: NotRequired[Annotated[PublicRefundStatus, Field(alias="status")]]
    stripe_refund_id: NotRequired[Annotated[Optional[str], Field(alias="stripe_refund_id")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]

class PublicRefundsUpdate(TypedDict):
    amount: NotRequired[Annotated[int, Field(alias="amount")]]
    attempt: NotRequired[Annotated[int, Field(alias="attempt")]]
    booking_id: NotRequired[Annotated[uuid.UUID, Field(alias="booking_id")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    currency: NotRequired[Annotated[str, Field(alias="currency")]]
    failure_reason: NotRequired[Annotated[Optional[str], Field(alias="failure_reason")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    payment_id: NotRequired[Annotated[uuid.UUID, Field(alias="payment_id")]]
    reason: NotRequired[Annotated[str, Field(alias="reason")]]
    showtime_id: NotRequired[Annotated[int, Field(alias="showtime_id")]]
    status: NotRequired[Annotated[PublicRefundStatus, Field(alias="status")]]
    stripe_refund_id: NotRequired[Annotated[Optional[str], Field(alias="stripe_refund_id")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]

class PublicSeatLocks(BaseModel):
    booking_id: Optional[uuid.UUID] = Field(alias="booking_id")
    end_reason: Optional[PublicLockEnd] = Field(alias="end_reason")
    held: str = Field(alias="held")
    id: int = Field(alias="id")
    seat_id: int = Field(alias="seat_id")
    showtime_id: int = Field(alias="showtime_id")
    user_id: uuid.UUID = Field(alias="user_id")

class PublicSeatLocksInsert(TypedDict):
    booking_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="booking_id")]]
    end_reason: NotRequired[Annotated[Optional[PublicLockEnd], Field(alias="end_reason")]]
    held: Annotated[str, Field(alias="held")]
    id: Annotated[int, Field(alias="id")]
    seat_id: Annotated[int, Field(alias="seat_id")]
    showtime_id: Annotated[int, Field(alias="showtime_id")]
    user_id: Annotated[uuid.UUID, Field(alias="user_id")]

class PublicSeatLocksUpdate(TypedDict):
    booking_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="booking_id")]]
    end_reason: NotRequired[Annotated[Optional[PublicLockEnd], Field(alias="end_reason")]]
    held: NotRequired[Annotated[str, Field(alias="held")]]
    id: NotRequired[Annotated[int, Field(alias="id")]]
    seat_id: NotRequired[Annotated[int, Field(alias="seat_id")]]
    showtime_id: NotRequired[Annotated[int, Field(alias="showtime_id")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicSeats(BaseModel):
    auditorium_id: int = Field(alias="auditorium_id")
    id: int = Field(alias="id")
    kind: PublicSeatKind = Field(alias="kind")
    number: int = Field(alias="number")
    row_label: str = Field(alias="row_label")
    x: float = Field(alias="x")
    y: float = Field(alias="y")

class PublicSeatsInsert(TypedDict):
    auditorium_id: Annotated[int, Field(alias="auditorium_id")]
    id: NotRequired[Annotated[int, Field(alias="id")]]
    kind: NotRequired[Annotated[PublicSeatKind, Field(alias="kind")]]
    number: Annotated[int, Field(alias="number")]
    row_label: Annotated[str, Field(alias="row_label")]
    x: Annotated[float, Field(alias="x")]
    y: Annotated[float, Field(alias="y")]

class PublicSeatsUpdate(TypedDict):
    auditorium_id: NotRequired[Annotated[int, Field(alias="auditorium_id")]]
    id: NotRequired[Annotated[int, Field(alias="id")]]
    kind: NotRequired[Annotated[PublicSeatKind, Field(alias="kind")]]
    number: NotRequired[Annotated[int, Field(alias="number")]]
    row_label: NotRequired[Annotated[str, Field(alias="row_label")]]
    x: NotRequired[Annotated[float, Field(alias="x")]]
    y: NotRequired[Annotated[float, Field(alias="y")]]

class PublicShowtimePrices(BaseModel):
    kind: PublicSeatKind = Field(alias="kind")
    price: int = Field(alias="price")
    showtime_id: int = Field(alias="showtime_id")

class PublicShowtimePricesInsert(TypedDict):
    kind: Annotated[PublicSeatKind, Field(alias="kind")]
    price: Annotated[int, Field(alias="price")]
    showtime_id: Annotated[int, Field(alias="showtime_id")]

class PublicShowtimePricesUpdate(TypedDict):
    kind: NotRequired[Annotated[PublicSeatKind, Field(alias="kind")]]
    price: NotRequired[Annotated[int, Field(alias="price")]]
    showtime_id: NotRequired[Annotated[int, Field(alias="showtime_id")]]

class PublicShowtimes(BaseModel):
    auditorium_id: int = Field(alias="auditorium_id")
    available_from: datetime.datetime = Field(alias="available_from")
    cancelled_at: Optional[datetime.datetime] = Field(alias="cancelled_at")
    ends_at: datetime.datetime = Field(alias="ends_at")
    id: int = Field(alias="id")
    movie_id: int = Field(alias="movie_id")
    revision: int = Field(alias="revision")
    starts_at: datetime.datetime = Field(alias="starts_at")
    status: PublicShowtimeStatus = Field(alias="status")

class PublicShowtimesInsert(TypedDict):
    auditorium_id: Annotated[int, Field(alias="auditorium_id")]
    available_from: Annotated[datetime.datetime, Field(alias="available_from")]
    cancelled_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="cancelled_at")]]
    ends_at: Annotated[datetime.datetime, Field(alias="ends_at")]
    id: NotRequired[Annotated[int, Field(alias="id")]]
    movie_id: Annotated[int, Field(alias="movie_id")]
    revision: NotRequired[Annotated[int, Field(alias="revision")]]
    starts_at: Annotated[datetime.datetime, Field(alias="starts_at")]
    status: NotRequired[Annotated[PublicShowtimeStatus, Field(alias="status")]]

class PublicShowtimesUpdate(TypedDict):
    auditorium_id: NotRequired[Annotated[int, Field(alias="auditorium_id")]]
    available_from: NotRequired[Annotated[datetime.datetime, Field(alias="available_from")]]
    cancelled_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="cancelled_at")]]
    ends_at: NotRequired[Annotated[datetime.datetime, Field(alias="ends_at")]]
    id: NotRequired[Annotated[int, Field(alias="id")]]
    movie_id: NotRequired[Annotated[int, Field(alias="movie_id")]]
    revision: NotRequired[Annotated[int, Field(alias="revision")]]
    starts_at: NotRequired[Annotated[datetime.datetime, Field(alias="starts_at")]]
    status: NotRequired[Annotated[PublicShowtimeStatus, Field(alias="status")]]

class PublicTheaters(BaseModel):
    address: str = Field(alias="address")
    city: str = Field(alias="city")
    country: str = Field(alias="country")
    currency: str = Field(alias="currency")
    id: int = Field(alias="id")
    name: str = Field(alias="name")
    slug: str = Field(alias="slug")
    time_zone: str = Field(alias="time_zone")

class PublicTheatersInsert(TypedDict):
    address: Annotated[str, Field(alias="address")]
    city: Annotated[str, Field(alias="city")]
    country: Annotated[str, Field(alias="country")]
    currency: Annotated[str, Field(alias="currency")]
    id: NotRequired[Annotated[int, Field(alias="id")]]
    name: Annotated[str, Field(alias="name")]
    slug: Annotated[str, Field(alias="slug")]
    time_zone: Annotated[str, Field(alias="time_zone")]

class PublicTheatersUpdate(TypedDict):
    address: NotRequired[Annotated[str, Field(alias="address")]]
    city: NotRequired[Annotated[str, Field(alias="city")]]
    country: NotRequired[Annotated[str, Field(alias="country")]]
    currency: NotRequired[Annotated[str, Field(alias="currency")]]
    id: NotRequired[Annotated[int, Field(alias="id")]]
    name: NotRequired[Annotated[str, Field(alias="name")]]
    slug: NotRequired[Annotated[str, Field(alias="slug")]]
    time_zone: NotRequired[Annotated[str, Field(alias="time_zone")]]

class PublicUsers(BaseModel):
    blocked_at: Optional[datetime.datetime] = Field(alias="blocked_at")
    created_at: datetime.datetime = Field(alias="created_at")
    email: Optional[str] = Field(alias="email")
    email_verified_at: Optional[datetime.datetime] = Field(alias="email_verified_at")
    forgotten_at: Optional[datetime.datetime] = Field(alias="forgotten_at")
    full_name: Optional[str] = Field(alias="full_name")
    id: uuid.UUID = Field(alias="id")
    kind: PublicUserKind = Field(alias="kind")
    language: str = Field(alias="language")
    role: PublicUserRole = Field(alias="role")

class PublicUsersInsert(TypedDict):
    blocked_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="blocked_at")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    email: NotRequired[Annotated[Optional[str], Field(alias="email")]]
    email_verified_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="email_verified_at")]]
    forgotten_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="forgotten_at")]]
    full_name: NotRequired[Annotated[Optional[str], Field(alias="full_name")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    kind: NotRequired[Annotated[PublicUserKind, Field(alias="kind")]]
    language: NotRequired[Annotated[str, Field(alias="language")]]
    role: NotRequired[Annotated[PublicUserRole, Field(alias="role")]]

class PublicUsersUpdate(TypedDict):
    blocked_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="blocked_at")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    email: NotRequired[Annotated[Optional[str], Field(alias="email")]]
    email_verified_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="email_verified_at")]]
    forgotten_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="forgotten_at")]]
    full_name: NotRequired[Annotated[Optional[str], Field(alias="full_name")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    kind: NotRequired[Annotated[PublicUserKind, Field(alias="kind")]]
    language: NotRequired[Annotated[str, Field(alias="language")]]
    role: NotRequired[Annotated[PublicUserRole, Field(alias="role")]]
