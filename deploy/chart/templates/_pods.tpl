{{/* What every pod of the chart has. */}}
{{- define "segue.pod" -}}
automountServiceAccountToken: false
# For a Service named segue there would be variables that begin as Segue's do, and it refuses those it does not know.
enableServiceLinks: false
{{- with include "segue.account" . }}
serviceAccountName: {{ . }}
{{- end }}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  # Always would open the keys on a volume to the group at each start, and Segue refuses a key that others can read.
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* What every container may: nothing. */}}
{{- define "segue.rights" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop:
    - ALL
{{- end }}

{{/* A variable out of a Secret: a list of the variable, the name of the Secret and the key in it. */}}
{{- define "segue.variable" -}}
- name: {{ index . 0 }}
  valueFrom:
    secretKeyRef:
      name: {{ index . 1 }}
      key: {{ index . 2 }}
{{- end }}

{{/* The data folder: one below the volume, which Segue makes for its user alone. */}}
{{- define "segue.data" -}}
- name: SEGUE_DATA
  value: /var/lib/segue/data
{{- end }}

{{/* A claimed volume: a list of the root, the end of its name, and its values. */}}
{{- define "segue.claim" -}}
{{- $root := index . 0 }}{{- $values := index . 2 -}}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {{ include "segue.name" $root }}{{ index . 1 }}
  labels:
    {{- include "segue.labels" $root | nindent 4 }}
  annotations:
    helm.sh/resource-policy: keep
spec:
  accessModes:
    - ReadWriteOnce
  {{- with $values.storageClass }}
  storageClassName: {{ . }}
  {{- end }}
  resources:
    requests:
      storage: {{ $values.size }}
{{- end }}

{{/* What a command that runs at times has around its arguments: a list of the root, its name and its values. */}}
{{- define "segue.job" -}}
{{- $root := index . 0 }}{{- $values := index . 2 -}}
schedule: {{ $values.schedule | quote }}
concurrencyPolicy: Forbid
startingDeadlineSeconds: 600
successfulJobsHistoryLimit: 1
failedJobsHistoryLimit: 3
jobTemplate:
  spec:
    # What was found is found: to try again until it is not would hide it.
    backoffLimit: 0
    activeDeadlineSeconds: {{ $values.activeDeadlineSeconds | int64 }}
    template:
      metadata:
        labels:
          {{- include "segue.selector" (list $root (index . 1)) | nindent 10 }}
      spec:
        restartPolicy: Never
        {{- include "segue.pod" $root | nindent 8 }}
{{- end }}
