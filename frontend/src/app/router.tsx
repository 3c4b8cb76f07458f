import { lazy } from 'react';
import { createBrowserRouter, type RouteObject } from 'react-router';

import { Layout } from './layout/layout';
import { ErrorPage } from './routes/error-page';
import { RequireSession } from './routes/require-session';

const FilmsPage = lazy(() => import('./pages/films-page'));
const FilmPage = lazy(() => import('./pages/film-page'));
const ShowtimePage = lazy(() => import('./pages/showtime-page'));
const CheckoutPage = lazy(() => import('./pages/checkout-page'));
const BookingsPage = lazy(() => import('./pages/bookings-page'));
const BookingPage = lazy(() => import('./pages/booking-page'));
const TicketPage = lazy(() => import('./pages/ticket-page'));
const SignInPage = lazy(() => import('./pages/sign-in-page'));
const RegisterPage = lazy(() => import('./pages/register-page'));
const ForgotPage = lazy(() => import('./pages/forgot-page'));
const ResetPage = lazy(() => import('./pages/reset-page'));
const VerifyPage = lazy(() => import('./pages/verify-page'));
const AccountPage = lazy(() => import('./pages/account-page'));
const GoodbyePage = lazy(() => import('./pages/goodbye-page'));
const NotFoundPage = lazy(() => import('./pages/not-found-page'));

export const routes: RouteObject[] = [
  {
    element: <Layout />,
    errorElement: <ErrorPage />,
    children: [
      {
        // A page that throws leaves the header standing.
        errorElement: <ErrorPage />,
        children: [
          { index: true, element: <FilmsPage /> },
          { path: 'films/:slug', element: <FilmPage /> },
          { path: 'showtimes/:id', element: <ShowtimePage /> },
          { path: 't/:reference', element: <TicketPage /> },
          { path: 'sign-in', element: <SignInPage /> },
          { path: 'register', element: <RegisterPage /> },
          { path: 'forgot', element: <ForgotPage /> },
          { path: 'reset', element: <ResetPage /> },
          { path: 'verify', element: <VerifyPage /> },
          { path: 'goodbye', element: <GoodbyePage /> },
          {
            element: <RequireSession />,
            children: [
              { path: 'checkout/:bookingId', element: <CheckoutPage /> },
              { path: 'bookings', element: <BookingsPage /> },
              { path: 'bookings/:id', element: <BookingPage /> },
              { path: 'account', element: <AccountPage /> },
            ],
          },
          { path: '*', element: <NotFoundPage /> },
        ],
      },
    ],
  },
];

export const createRouter = () => createBrowserRouter(routes);
