"""Many runs side by side: tasks × policies × seeds at the same number of environment steps."""
