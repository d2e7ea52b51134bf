"""What bars must fulfil before anything believes them: rules, the check that splits kept from refused rows, and publishing."""
