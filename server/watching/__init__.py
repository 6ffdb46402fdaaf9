"""What the process tells its operator: metrics, traces and logs."""
