using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Kinds.Core;
using Kaji.Api.Kinds.Core.Pods;

namespace Kaji.Api.Kinds.Batch;

/// <summary>CronJob: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/cron-job-v1/</summary>
internal sealed class CronJobKind : StatusKind
{
    private const int MaxName = 52;

    public override void Default(JsonObject obj)
    {
        var spec = obj.Ensure("spec");
        spec.Default("concurrencyPolicy", "Allow");
        spec.Default("suspend", false);
        spec.Default("successfulJobsHistoryLimit", 3);
        spec.Default("failedJobsHistoryLimit", 1);

        // A template of Jobs gets the Pods' defaults only: the Jobs get theirs when they are made.
        PodSpecRules.Default(spec.Ensure("jobTemplate").Ensure("spec").Ensure("template").Ensure("spec"));
    }

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var spec = new Fields(obj.Obj("spec") ?? [], "spec", errors);
        if (spec.Present("schedule"))
        {
            var schedule = spec.Str("schedule");
            if (schedule.Contains("TZ", StringComparison.Ordinal))
            {
                spec.Invalid("schedule", schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
            }
            else if (CronSchedule.Problem(schedule) is { } problem)
            {
                spec.Invalid("schedule", schedule, problem);
            }
        }

        spec.NonNegative("startingDeadlineSeconds");
        TimeZone(spec);
        spec.RequiredOneOf("concurrencyPolicy", "Allow", "Forbid", "Replace");
        spec.NonNegative("successfulJobsHistoryLimit", "failedJobsHistoryLimit");
        var job = spec.Of("jobTemplate").Of("spec");
        JobRules.Spec(job);
        if (job.Has("selector"))
        {
            job.Invalid("selector", job.Object["selector"], "`selector` will be auto-generated");
        }

        if (job.Bool("manualSelector") == true)
        {
            job.NotSupported("manualSelector", true, "nil", "false");
        }
    }

    public override void ValidateCreate(JsonObject obj, ICollection<FieldError> errors)
    {
        // The name of a Job is this one's with eleven characters more, and has to fit in a label.
        if (obj.Obj("metadata").Str("name") is { Length: > MaxName } name)
        {
            errors.Invalid("metadata.name", name, "must be no more than 52 characters");
        }
    }

    public override void Warn(JsonObject obj, JsonObject? old, Action<string> warn)
    {
        if (old is null || obj.Obj("metadata").Int("generation") != old.Obj("metadata").Int("generation"))
        {
            PodWarnings.Of(obj.Obj("spec").Obj("jobTemplate").Obj("spec").Obj("template"), "spec.jobTemplate.spec.template", warn);
        }

        if (old is null && Metadata.Names.Dns1123LabelErrors(obj.Obj("metadata").Str("name")) is { Count: > 0 } problems)
        {
            warn($"metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [{string.Join(' ', problems)}]");
        }
    }

    private static void TimeZone(Fields spec)
    {
        if (spec.Object["timeZone"] is null)
        {
            return;
        }

        var zone = spec.Str("timeZone");
        if (zone.Length == 0)
        {
            spec.Invalid("timeZone", zone, "timeZone must be nil or non-empty string");
        }
        else if (string.Equals(zone, "local", StringComparison.OrdinalIgnoreCase))
        {
            spec.Invalid("timeZone", zone, "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones");
        }
        else if (!TimeZoneInfo.TryFindSystemTimeZoneById(zone, out _))
        {
            spec.Invalid("timeZone", zone, $"unknown time zone {zone}");
        }
    }
}
