using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Kaji.Startup;

/// <summary>
/// Writes log lines to standard error as <c>TIME LEVEL CATEGORY message</c>. `kaji up` points standard error at the log file; under systemd it is the journal.
/// </summary>
internal sealed class ServerLogging(LogLevel minimum, TimeProvider time) : ILoggerProvider
{
    private readonly Lock _gate = new();

    public ILogger CreateLogger(string categoryName) => new Category(this, categoryName[(categoryName.LastIndexOf('.') + 1)..], categoryName.StartsWith("Microsoft.", StringComparison.Ordinal));

    public void Dispose()
    {
    }

    private sealed class Category(ServerLogging owner, string name, bool framework) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= (framework && LogLevel.Warning > owner.Minimum ? LogLevel.Warning : owner.Minimum);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel))
            {
                return;
            }

            var line = string.Create(CultureInfo.InvariantCulture, $"{owner.Now:yyyy-MM-ddTHH:mm:ss.fffZ} {Letter(logLevel)} {name}: {formatter(state, exception)}{(exception is null ? "" : $"\n{exception}")}");
            lock (owner._gate)
            {
                Console.Error.WriteLine(line);
            }
        }

        private static char Letter(LogLevel level) => level switch
        {
            LogLevel.Critical => 'C',
            LogLevel.Error => 'E',
            LogLevel.Warning => 'W',
            LogLevel.Information => 'I',
            _ => 'D',
        };
    }

    private LogLevel Minimum => minimum;

    private DateTimeOffset Now => time.GetUtcNow();
}
