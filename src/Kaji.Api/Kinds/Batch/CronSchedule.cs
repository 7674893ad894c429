using System.Globalization;

namespace Kaji.Api.Kinds.Batch;

/// <summary>Whether a schedule can be read, in the words of the parser that Kubernetes uses: five fields, or a descriptor as <c>@daily</c>.</summary>
internal static class CronSchedule
{
    private static readonly string[] Descriptors = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];
    private static readonly string[] Months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    private static readonly string[] Days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

    private static readonly (int Low, int High, string[] Names, int First)[] Bounds = [(0, 59, [], 0), (0, 23, [], 0), (1, 31, [], 0), (1, 12, Months, 1), (0, 6, Days, 0)];

    /// <summary>What is wrong with it; null when nothing is.</summary>
    public static string? Problem(string schedule)
    {
        if (schedule[0] == '@')
        {
            return Array.IndexOf(Descriptors, schedule) >= 0 ? null
                : schedule.StartsWith("@every ", StringComparison.Ordinal) && schedule.Length > 8 && char.IsAsciiDigit(schedule[7]) && char.IsAsciiLetter(schedule[^1]) ? null
                : schedule.StartsWith("@every ", StringComparison.Ordinal) ? $"failed to parse duration {schedule}: time: invalid duration \"{schedule[7..]}\""
                : $"unrecognized descriptor: {schedule}";
        }

        var fields = schedule.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
        if (fields.Length != 5)
        {
            return $"expected exactly 5 fields, found {fields.Length}: [{string.Join(' ', fields)}]";
        }

        for (var i = 0; i < 5; i++)
        {
            foreach (var part in fields[i].Split(','))
            {
                if (Range(part, Bounds[i]) is { } problem)
                {
                    return problem;
                }
            }
        }

        return null;
    }

    private static string? Range(string text, (int Low, int High, string[] Names, int First) bound)
    {
        var steps = text.Split('/');
        var ends = steps[0].Split('-');
        var (low, high) = (bound.Low, bound.High);
        if (ends[0] is not ("*" or "?"))
        {
            if (Number(ends[0], bound, out low) is { } problem)
            {
                return problem;
            }

            high = low;
            if (ends.Length == 2)
            {
                if (Number(ends[1], bound, out high) is { } other)
                {
                    return other;
                }
            }
            else if (ends.Length > 2)
            {
                return $"too many hyphens: {text}";
            }
        }

        if (steps.Length > 2)
        {
            return $"too many slashes: {text}";
        }

        if (steps.Length == 2)
        {
            if (Number(steps[1], (0, int.MaxValue, [], 0), out var step) is { } problem)
            {
                return problem;
            }

            if (step == 0)
            {
                return $"step of range should be a positive number: {text}";
            }

            high = ends.Length == 1 ? bound.High : high;
        }

        return low < bound.Low ? string.Create(CultureInfo.InvariantCulture, $"beginning of range ({low}) below minimum ({bound.Low}): {text}")
            : high > bound.High ? string.Create(CultureInfo.InvariantCulture, $"end of range ({high}) above maximum ({bound.High}): {text}")
            : low > high ? string.Create(CultureInfo.InvariantCulture, $"beginning of range ({low}) beyond end of range ({high}): {text}")
            : null;
    }

    private static string? Number(string text, (int Low, int High, string[] Names, int First) bound, out int number)
    {
        var named = Array.IndexOf(bound.Names, text.ToLowerInvariant());
        if (named >= 0)
        {
            number = named + bound.First;
            return null;
        }

        if (!int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out number))
        {
            return $"failed to parse int from {text}: strconv.Atoi: parsing \"{text}\": invalid syntax";
        }

        return number < 0 ? $"negative number ({number}) not allowed: {text}" : null;
    }
}
