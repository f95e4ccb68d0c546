{{/* Whom everybody may ask for names. */}}
{{- define "shopbeat.dns" -}}
- ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
  to: {{- toYaml .Values.networkPolicy.dnsTo | nindent 4 }}
{{- end -}}

{{- define "shopbeat.apiServer" -}}
- ports:
    {{- range .Values.networkPolicy.apiServerPorts }}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
  {{- with .Values.networkPolicy.apiServerTo }}
  to: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* The pods that the operator makes. */}}
{{- define "shopbeat.workerSelector" -}}
app.kubernetes.io/component: worker
app.kubernetes.io/managed-by: shopbeat-operator
{{- end -}}
