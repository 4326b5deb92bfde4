//! The seed's six tables as constants.

/// The six tables, column by column: name, type, nullability, default.
pub const TABLES: &[(&str, &str)] = &[
    (
        "users",
        "id uuid not null default gen_random_uuid()
         email character varying(255) not null
         password_hash character varying(255) not null
         first_name character varying(100)
         last_name character varying(100)
         avatar_url character varying(500)
         role character varying(50) not null default 'viewer'::character varying
         is_active boolean default true
         created_at timestamp with time zone default now()
         updated_at timestamp with time zone
         last_login_at timestamp with time zone",
    ),
    (
        "drifts",
        "id uuid not null
         resource_id character varying(255) not null
         resource_type character varying(50) not null
         region character varying(50) not null
         account_id character varying(12)
         expected_state jsonb not null
         actual_state jsonb not null
         difference jsonb not null
         severity character varying(20) not null
         cost_impact_monthly numeric(10,2) default 0
         status character varying(50) not null
         detected_at timestamp with time zone not null
         detected_by character varying(50) not null
         approved_at timestamp with time zone
         approved_by uuid
         approval_reason text
         rejected_at timestamp with time zone
         rejected_by uuid
         rejection_reason text
         resolved_at timestamp with time zone
         resolved_how character varying(50)
         created_at timestamp with time zone default now()
         updated_at timestamp with time zone",
    ),
    (
        "alerts",
        "id uuid not null
         drift_id uuid
         type character varying(50) not null
         severity character varying(20) not null
         title character varying(255) not null
         message text not null
         is_read boolean default false
         read_at timestamp with time zone
         read_by uuid
         created_at timestamp with time zone default now()
         updated_at timestamp with time zone",
    ),
    (
        "audit_logs",
        "id uuid not null
         drift_id uuid
         action character varying(100) not null
         actor_id uuid
         actor_email character varying(255)
         old_value jsonb
         new_value jsonb
         details jsonb
         ip_address inet
         user_agent character varying(500)
         created_at timestamp with time zone default now()",
    ),
    (
        "cost_metrics",
        "id uuid not null
         drift_id uuid
         cost_usd numeric(10,2) not null
         cost_projected_monthly numeric(10,2)
         recorded_at timestamp with time zone not null
         period_start timestamp with time zone not null
         period_end timestamp with time zone not null
         created_at timestamp with time zone default now()",
    ),
    (
        "sessions",
        "id uuid not null
         user_id uuid
         refresh_token character varying(500) not null
         ip_address inet
         user_agent character varying(500)
         is_revoked boolean default false
         expires_at timestamp with time zone not null
         created_at timestamp with time zone default now()
         last_used_at timestamp with time zone",
    ),
];

/// Keys of the six tables.
pub const KEYS: &[&str] = &[
    "users PRIMARY KEY (id)",
    "users UNIQUE (email)",
    "drifts PRIMARY KEY (id)",
    "drifts FOREIGN KEY (approved_by) REFERENCES users(id)",
    "drifts FOREIGN KEY (rejected_by) REFERENCES users(id)",
    "alerts PRIMARY KEY (id)",
    "alerts FOREIGN KEY (drift_id) REFERENCES drifts(id) ON DELETE CASCADE",
    "alerts FOREIGN KEY (read_by) REFERENCES users(id)",
    "audit_logs PRIMARY KEY (id)",
    "audit_logs FOREIGN KEY (drift_id) REFERENCES drifts(id) ON DELETE SET NULL",
    "audit_logs FOREIGN KEY (actor_id) REFERENCES users(id)",
    "cost_metrics PRIMARY KEY (id)",
    "cost_metrics FOREIGN KEY (drift_id) REFERENCES drifts(id) ON DELETE CASCADE",
    "sessions PRIMARY KEY (id)",
    "sessions UNIQUE (refresh_token)",
    "sessions FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE",
];

/// Words that checks allow, by table and column.
pub const WORDS: &[(&str, &str, &[&str])] = &[
    ("users", "role", &["admin", "engineer", "viewer"]),
    ("drifts", "severity", &["critical", "warning", "info"]),
    ("drifts", "status", &["detected", "triaged", "approved", "rejected", "resolved"]),
    ("drifts", "detected_by", &["scheduler", "manual", "api"]),
    ("drifts", "resolved_how", &["auto-remediate", "manual-fix", "acknowledged"]),
    ("alerts", "type", &["drift_detected", "approval_needed", "remediation_failed"]),
    (
        "audit_logs",
        "action",
        &["drift_created", "drift_approved", "drift_rejected", "drift_resolved", "user_login", "user_logout"],
    ),
];

/// Indexes beside those of the keys.
pub const INDEXES: &[&str] = &[
    "users (email)",
    "users (created_at DESC)",
    "users (role)",
    "drifts (status)",
    "drifts (severity)",
    "drifts (resource_type, region)",
    "drifts (detected_at DESC)",
    "drifts (created_at DESC)",
    "drifts (resource_id)",
    "alerts (drift_id)",
    "alerts (is_read)",
    "alerts (created_at DESC)",
    "alerts (severity)",
    "audit_logs (drift_id)",
    "audit_logs (actor_id)",
    "audit_logs (created_at DESC)",
    "audit_logs (action)",
    "cost_metrics (drift_id)",
    "cost_metrics (recorded_at DESC)",
    "cost_metrics (period_start, period_end)",
    "sessions (user_id)",
    "sessions (refresh_token)",
    "sessions (expires_at)",
];
