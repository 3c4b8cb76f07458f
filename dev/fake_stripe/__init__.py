"""A stateful stand-in for Stripe's API, for one machine: payment intents, refunds, events, signed webhooks, faults.

It speaks to the real `stripe` library and to browsers that hold the publishable key. What it does not cover it
refuses in Stripe's error shape. Facts are from docs.stripe.com/api and docs.stripe.com/testing.
"""
