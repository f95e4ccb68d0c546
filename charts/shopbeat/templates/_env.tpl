{{/* The environment that the service and all workers share, without secrets: one map. */}}
{{- define "shopbeat.env" -}}
{{ include "shopbeat.ownEnv" . }}
{{- range $name, $value := .Values.workers.env }}
{{ $name }}: {{ $value | quote }}
{{- end }}
{{- end -}}

{{/* What of it has values of its own. */}}
{{- define "shopbeat.ownEnv" -}}
{{- $v := .Values -}}
SHOPBEAT_REDIS_PREFIX: {{ $v.state.redisPrefix | quote }}
SHOPBEAT_SHOPIFY_URL: {{ $v.remotes.shopifyUrl | quote }}
SHOPBEAT_RACKBEAT_URL: {{ $v.remotes.rackbeatUrl | quote }}
SHOPBEAT_LEASE_SECONDS: {{ $v.remotes.leaseSeconds | quote }}
{{- with $v.contact }}
SHOPBEAT_CONTACT: {{ . | quote }}
{{- end }}
{{- if $v.remotes.rackbeatUnpaced }}
SHOPBEAT_RACKBEAT_UNPACED: "true"
{{- end }}
{{- if $v.remotes.insecure }}
SHOPBEAT_INSECURE: "true"
{{- end }}
SHOPBEAT_LOG_FORMAT: {{ $v.log.format | quote }}
{{- with $v.log.filter }}
RUST_LOG: {{ . | quote }}
{{- end }}
{{- end -}}
